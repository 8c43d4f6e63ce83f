import { Cable } from "lucide-react";
import { lazy } from "react";

export const page = {
  path: "connections",
  title: "Connections",
  icon: Cable,
  roles: ["operator", "moderator", "viewer"],
};

export default lazy(async () => ({ default: (await import("./ConnectionsPage")).ConnectionsPage }));
