import { FileCog } from "lucide-react";
import { lazy } from "react";

export const page = { path: "settings", title: "Settings", icon: FileCog, roles: ["operator"] };

export default lazy(async () => ({ default: (await import("./Settings")).Settings }));
