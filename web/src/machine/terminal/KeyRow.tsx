import { ArrowDown, ArrowLeft, ArrowRight, ArrowUp } from "lucide-react";
import type { ReactNode } from "react";
import styles from "./KeyRow.module.css";

const KEYS: { name: string; shown: ReactNode; sends: string }[] = [
  { name: "Escape", shown: "Esc", sends: "\u001b" },
  { name: "Tab", shown: "Tab", sends: "\t" },
  { name: "Control C", shown: "Ctrl C", sends: "\u0003" },
  { name: "Control D", shown: "Ctrl D", sends: "\u0004" },
  { name: "Left", shown: <ArrowLeft />, sends: "\u001b[D" },
  { name: "Up", shown: <ArrowUp />, sends: "\u001b[A" },
  { name: "Down", shown: <ArrowDown />, sends: "\u001b[B" },
  { name: "Right", shown: <ArrowRight />, sends: "\u001b[C" },
];

/** Keys that the keyboard of a phone lacks. */
export function KeyRow({ onKey }: { onKey(keys: string): void }) {
  return (
    <fieldset className={styles.row}>
      <legend className="visually-hidden">Keys</legend>
      {KEYS.map(({ name, shown, sends }) => (
        <button
          key={name}
          type="button"
          className={styles.key}
          aria-label={name}
          // The terminal keeps the focus, so the keyboard stays on the screen.
          onPointerDown={(event) => event.preventDefault()}
          onClick={() => onKey(sends)}
        >
          {shown}
        </button>
      ))}
    </fieldset>
  );
}
