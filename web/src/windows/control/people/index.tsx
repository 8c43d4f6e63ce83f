import { Users } from "lucide-react";
import { lazy } from "react";

export const page = { path: "people", title: "People", icon: Users, roles: ["operator", "moderator"] };

export default lazy(async () => ({ default: (await import("./People")).People }));
