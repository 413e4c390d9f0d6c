import type { Mode } from "../api/types";

/** How an agent behaves, in words for everybody. */
export const MODES: readonly { id: Mode; label: string; description: string }[] = [
  { id: "agent", label: "Do it", description: "Works on its own until the task is done" },
  { id: "plan", label: "Plan first", description: "Shows a plan and waits for your yes" },
  { id: "ask", label: "Answer", description: "Reads and answers; changes nothing" },
  {
    id: "architect",
    label: "Architect",
    description: "Thinks about structure; writes documents only",
  },
  { id: "debug", label: "Debug", description: "Finds the cause with evidence before fixing" },
];
