import "@fontsource-variable/inter/wght.css";
import "@fontsource-variable/jetbrains-mono/wght.css";
import "./styles/tokens.css";
import "./styles/base.css";
import { QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { RouterProvider } from "react-router";
import { queryClient } from "./api/queries";
import { aheadOfStart } from "./app/ahead";
import { router } from "./app/router";
import "./app/trusted";

/** So long the first drawing waits for what it shows, in milliseconds; then it shows that it waits. */
const LONGEST_WAIT_MS = 250;

function draw(): void {
  const root = document.getElementById("root");
  if (root === null) throw new Error("the page has no #root");
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={queryClient}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </StrictMode>,
  );
}

// Drawing a frame without content first would be most of the work twice.
const pause = new Promise((over) => setTimeout(over, LONGEST_WAIT_MS));
void Promise.race([aheadOfStart(location.pathname), pause]).then(draw);
