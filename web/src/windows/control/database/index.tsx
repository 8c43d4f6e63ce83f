import { Database } from "lucide-react";
import { lazy } from "react";

export const page = { path: "database", title: "Database", icon: Database, roles: ["operator"] };

export default lazy(async () => ({ default: (await import("./Database")).Database }));
