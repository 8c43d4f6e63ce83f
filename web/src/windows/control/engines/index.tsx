import { Cpu } from "lucide-react";
import { lazy } from "react";

export const page = {
  path: "engines",
  title: "Engines and links",
  icon: Cpu,
  roles: ["operator", "moderator", "viewer"],
};

export default lazy(async () => ({ default: (await import("./EnginesAndLinks")).EnginesAndLinks }));
