import { ShieldAlert } from "lucide-react";
import { lazy } from "react";

export const page = { path: "moderation", title: "Moderation", icon: ShieldAlert, roles: ["operator", "moderator"] };

export default lazy(async () => ({ default: (await import("./Moderation")).Moderation }));
