import { ChartColumn } from "lucide-react";
import { lazy } from "react";

export const page = {
  path: "timings",
  title: "Timings",
  icon: ChartColumn,
  roles: ["operator", "moderator", "viewer"],
};

export default lazy(async () => ({ default: (await import("./Timings")).Timings }));
