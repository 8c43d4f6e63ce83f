import { Mic2 } from "lucide-react";
import { lazy } from "react";

export const page = { path: "now", title: "Now", icon: Mic2, roles: ["operator", "moderator", "viewer"] };

export default lazy(async () => ({ default: (await import("./NowPage")).NowPage }));
