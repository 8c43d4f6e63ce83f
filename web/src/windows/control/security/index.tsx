import { KeyRound } from "lucide-react";
import { lazy } from "react";

export const page = { path: "security", title: "Security", icon: KeyRound, roles: ["operator"] };

export default lazy(async () => ({ default: (await import("./Security")).Security }));
