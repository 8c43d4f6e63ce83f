import { Brain } from "lucide-react";
import { lazy } from "react";

export const page = { path: "memory", title: "Memory", icon: Brain, roles: ["operator"] };

export default lazy(async () => ({ default: (await import("./Memory")).Memory }));
