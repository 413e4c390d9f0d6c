/** Walking the timeline by keyboard: j and k between steps, e to open, Escape to leave. */
import { useRef } from "react";
import { useShortcuts } from "../../app/shortcuts";
import { rowId } from "./RowView";

/** Brings a row into view, then acts. */
type Reveal = (at: number, act: () => void) => void;

export function useRowKeys(keys: readonly string[], reveal: Reveal): void {
  const last = useRef<string>(undefined);
  const move = (by: 1 | -1) => {
    const from = focusedRow(keys) ?? (last.current ? keys.indexOf(last.current) : -1);
    const to = from < 0 ? (by > 0 ? 0 : keys.length - 1) : from + by;
    const at = nextShown(keys, to, by);
    const key = keys[at];
    if (key === undefined) return;
    last.current = key;
    reveal(at, () => document.getElementById(rowId(key))?.focus({ preventScroll: true }));
  };
  const leave = () => {
    const isInRow = document.activeElement?.closest("[id^='row-']");
    if (isInRow && document.activeElement instanceof HTMLElement) document.activeElement.blur();
    else document.getElementById("stop-run")?.focus();
  };
  useShortcuts({
    j: () => move(1),
    k: () => move(-1),
    e: () => {
      const row = document.activeElement?.closest("[id^='row-']");
      row?.querySelector<HTMLButtonElement>("button[aria-expanded]")?.click();
    },
    Escape: leave,
  });
}

function focusedRow(keys: readonly string[]): number | undefined {
  const id = document.activeElement?.closest("[id^='row-']")?.id;
  const at = id === undefined ? -1 : keys.findIndex((key) => rowId(key) === id);
  return at < 0 ? undefined : at;
}

/** The next row that has any height; quiet ones are passed over. */
function nextShown(keys: readonly string[], from: number, by: 1 | -1): number {
  for (let at = from; at >= 0 && at < keys.length; at += by) {
    const element = document.getElementById(rowId(keys[at] ?? ""));
    if (!element || element.offsetHeight > 0) return at;
  }
  return -1;
}
