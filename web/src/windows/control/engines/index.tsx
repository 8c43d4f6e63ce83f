import { Cpu } from "lucide-react";
import { lazy } from "react";

export const page = {
  path: "engines",
  title: "Engines",
  icon: Cpu,
  roles: ["operator", "moderator", "viewer"],
};

export default lazy(async () => ({ default: (await import("./EnginesPage")).EnginesPage }));
