import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { RouterProvider } from "react-router/dom";
import { followCjk } from "./design/fonts";
import { ToastHouse } from "./design/Toast";
import { TooltipProvider } from "./design/Tooltip";
import { applyTheme } from "./design/theme";
import { takeToken } from "./protocol/token";
import { router } from "./routes";
import "./design/nonce";
import "./design/tokens.css";

takeToken();
// A link with a token that is opened where the window is open already changes nothing but what stands behind the #.
addEventListener("hashchange", () => takeToken() && location.reload());
applyTheme();
followCjk();

const queries = new QueryClient({ defaultOptions: { queries: { retry: 1, staleTime: 2_000 } } });
const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={queries}>
        <TooltipProvider delayDuration={300}>
          <ToastHouse>
            <RouterProvider router={router} />
          </ToastHouse>
        </TooltipProvider>
      </QueryClientProvider>
    </StrictMode>,
  );
}
