import tailwind from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

/** Where `npm run dev` finds the program. */
const server = process.env.MAROTTE_ADDRESS ?? "127.0.0.1:8765";

export default defineConfig({
  plugins: [react(), tailwind()],
  build: {
    outDir: "../src/marotte/gateway/windows",
    emptyOutDir: true,
    target: "es2022",
    cssTarget: ["chrome123", "firefox128", "safari17.5"],
    // The page's policy forbids `data:` fonts and scripts, so nothing is folded into another file.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  worker: { format: "es" },
  server: {
    // The drawings lie beside this folder: the broadcaster reads them too.
    fs: { allow: [".", "../characters"] },
    proxy: { "/api": `http://${server}`, "/ws": { target: `ws://${server}`, ws: true } },
  },
  test: { include: ["{src,tests}/**/*.test.{ts,tsx}"] },
});
