import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";
import { ahead } from "./scripts/ahead";
import { precompress } from "./scripts/precompress";

const server = process.env.ERRAND_SERVER ?? "http://127.0.0.1:7420";

// The server refuses foreign origins; what the proxy passes on must look like its own page.
const proxy = {
  "/v1": {
    target: server,
    changeOrigin: true,
    ws: true,
    headers: { origin: server },
  },
};

/** First views whose code is fetched beside the app's own. */
const views = {
  conversation: ["/src/agent/AgentPage.tsx", "/src/agent/ConversationPage.tsx"],
  home: ["/src/home/HomePage.tsx"],
};

export default defineConfig({
  plugins: [react(), ahead(views), precompress()],
  server: { proxy },
  preview: { proxy },
  build: {
    target: "es2022",
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: true,
    rollupOptions: {
      output: {
        manualChunks(id) {
          if (/node_modules\/(react|react-dom|scheduler|react-router)\//.test(id)) return "react";
          if (/node_modules\/(@tanstack|openapi-fetch)\//.test(id)) return "data";
          // Many small files cost more than one that has a little too much.
          if (/node_modules\/lucide-react\//.test(id)) return "icons";
          if (/\/src\/ui\/(?!Markdown)/.test(id)) return "ui";
          return undefined;
        },
      },
    },
  },
  test: { include: ["src/**/*.test.ts", "src/**/*.test.tsx"], environment: "node" },
});
