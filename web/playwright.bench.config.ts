import { defineConfig } from "@playwright/test";
import config from "./playwright.config";

/** Figures instead of findings: `npm run bench`. */
export default defineConfig({
  ...config,
  testDir: "tests/bench",
  testMatch: "*.bench.ts",
  retries: 0,
  timeout: 120_000,
  // What a trace takes of every page would be in every figure.
  use: { ...config.use, trace: "off" },
  projects: [{ name: "bench", use: { viewport: { width: 1440, height: 900 } } }],
});
