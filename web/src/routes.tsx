import { createBrowserRouter, redirect } from "react-router";
import { Broken, NotFound } from "./windows/Lost";

export const router = createBrowserRouter([
  {
    ErrorBoundary: Broken,
    HydrateFallback: () => null,
    children: [
      { path: "/", loader: () => redirect("/talk") },
      { path: "/talk", lazy: async () => ({ Component: (await import("./windows/talk/Talk")).Talk }) },
      { path: "/skull", lazy: async () => ({ Component: (await import("./windows/skull/Skull")).SkullWindow }) },
      { path: "/stage", lazy: async () => ({ Component: (await import("./windows/stage/Stage")).Stage }) },
      { path: "/control/*", lazy: async () => ({ Component: (await import("./windows/control/Control")).Control }) },
      { path: "*", Component: NotFound },
    ],
  },
]);
