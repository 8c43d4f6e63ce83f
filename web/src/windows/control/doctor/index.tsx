import { Stethoscope } from "lucide-react";
import { lazy } from "react";

export const page = { path: "doctor", title: "Doctor", icon: Stethoscope, roles: ["operator"] };

export default lazy(async () => ({ default: (await import("./Doctor")).Doctor }));
