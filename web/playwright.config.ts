import { defineConfig, type PlaywrightTestProject } from "@playwright/test";

const SIZES = {
  desktop: { width: 1440, height: 900 },
  phone: { width: 390, height: 844 },
};

const everything: PlaywrightTestProject[] = Object.entries(SIZES).flatMap(([size, viewport]) =>
  (["light", "dark"] as const).map((colorScheme) => ({
    name: `${size}-${colorScheme}`,
    use: { viewport, colorScheme, hasTouch: size === "phone" },
  })),
);

// Both sizes and both themes at every change; all four together in `make soak`.
const isFull = process.env.ERRAND_TEST_COUNTS === "full";
const projects = everything.filter(
  ({ name }) => isFull || name === "desktop-light" || name === "phone-dark",
);

export default defineConfig({
  testDir: "tests",
  testMatch: "*.spec.ts",
  workers: 1,
  // A browser, a server and sandboxes share two cores there; what passed at a second try is reported so.
  retries: process.env.CI ? 2 : 0,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  reporter: process.env.CI ? [["list"], ["html", { open: "never" }]] : "list",
  use: {
    contextOptions: { reducedMotion: "reduce" },
    // Recording slows every test; where failures are tried again, the second try is recorded.
    trace: process.env.CI ? "on-first-retry" : "retain-on-failure",
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
    },
  },
  projects,
});
