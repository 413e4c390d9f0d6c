/** How a machine stands that is being made ready: from its row, and what holds for the agent now. */
import type { Head } from "./head";
import type { SetupRow } from "./rows";
import { PHASES, SET_UP_PHASES } from "./words";

/**
 * `working`: it is being made ready. `settingUp`: it is, and the project's own scripts run.
 * `over`: it never was ready, and nobody works on that any more.
 */
export type Standing = "working" | "settingUp" | "ready" | "failed" | "stopped" | "over";

/** How the machine of a row stands now. A log tells what was done; what nobody does any more it does not. */
export function standingOf(row: SetupRow, head: Head): Standing {
  if (row.failure) return "failed";
  const isNewest = head.epoch === undefined || head.epoch === row.epoch;
  const isRunning = isNewest && head.active !== undefined;
  const isUp = isNewest && head.machine === "up";
  if (row.readyAt !== undefined) {
    const isTurning = isRunning && !head.active?.publishing;
    const isAwaited = isTurning && settingUp(row) !== undefined;
    return isAwaited || (isUp && isPrinting(row)) ? "settingUp" : "ready";
  }
  if (row.isStopped) return "stopped";
  if (isRunning || (isNewest && head.machine === "starting")) return "working";
  // Somebody woke it; the workspace is looked over when a run needs it.
  if (isUp) return isPrinting(row) ? "settingUp" : "ready";
  return "over";
}

/** Which of the project's own scripts runs. */
function settingUp(row: SetupRow): string | undefined {
  return row.awaits?.[0] ?? (isPrinting(row) ? row.progress?.phase : undefined);
}

function isPrinting({ progress }: SetupRow): boolean {
  return progress !== undefined && SET_UP_PHASES.has(progress.phase);
}

/** The line of a machine. */
export function standingWords(row: SetupRow, standing: Standing): string {
  switch (standing) {
    case "failed":
      return "The machine could not be made ready";
    case "stopped":
      return "The machine was stopped before it was needed";
    case "over":
      return "The machine did not get ready";
    case "ready":
      return row.epoch > 1 ? "The machine is ready again" : "Machine ready";
    case "settingUp": {
      const during = PHASES[settingUp(row) ?? ""]?.[0] ?? "Preparing it";
      return `Machine ready. ${during}`;
    }
    case "working": {
      const during = PHASES[row.progress?.phase ?? ""]?.[0];
      const step = during ? `: ${during.toLowerCase()}` : "";
      return `The agent is getting its machine ready${step}`;
    }
  }
}
