import { ScrollText } from "lucide-react";
import { lazy } from "react";

export const page = { path: "log", title: "Log", icon: ScrollText, roles: ["operator", "moderator"] };

export default lazy(async () => ({ default: (await import("./Log")).Log }));
