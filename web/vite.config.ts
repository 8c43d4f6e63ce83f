import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import tailwind from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

/** Where `npm run dev` finds the program. */
const server = process.env.MAROTTE_ADDRESS ?? "127.0.0.1:8765";

/** Packs scripts, styles and drawings once, while building: the program packs nothing itself, and knows what it may. */
function packed(): Plugin {
  return {
    name: "packed",
    apply: "build",
    writeBundle({ dir = "" }, files) {
      for (const name of Object.keys(files).filter((name) => /\.(js|css|svg|json)$/.test(name))) {
        const file = join(dir, name);
        const whole = readFileSync(file);
        const small = gzipSync(whole, { level: 9 });
        if (small.length < 0.9 * whole.length) writeFileSync(`${file}.gz`, small);
      }
    },
  };
}

export default defineConfig({
  plugins: [react(), tailwind(), packed()],
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
    proxy: { "/api": `http://${server}`, "/emotes": `http://${server}`, "/ws": { target: `ws://${server}`, ws: true } },
  },
  test: { include: ["{src,tests}/**/*.test.{ts,tsx}"] },
});
