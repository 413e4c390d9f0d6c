import type { Mode } from "./types";

/** How an agent behaves, in the words of every page. */
export const MODES: readonly { id: Mode; label: string; description: string }[] = [
  { id: "agent", label: "Agent", description: "Works on its own until the task is done" },
  { id: "plan", label: "Plan", description: "Shows a plan and waits for your yes" },
  { id: "ask", label: "Ask", description: "Reads and answers; changes nothing" },
  {
    id: "architect",
    label: "Architect",
    description: "Thinks about structure; writes documents only",
  },
  { id: "debug", label: "Debug", description: "Finds the cause with evidence before fixing" },
];
