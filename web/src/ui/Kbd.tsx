import styles from "./Kbd.module.css";

const MAC = typeof navigator !== "undefined" && /Mac|iPhone|iPad/.test(navigator.userAgent);
const SYMBOLS: Record<string, string> = MAC
  ? { mod: "⌘", shift: "⇧", alt: "⌥", enter: "↵", esc: "esc" }
  : { mod: "Ctrl", shift: "Shift", alt: "Alt", enter: "Enter", esc: "Esc" };

/** Keys of a shortcut, written `mod+k`; `mod` is Command on a Mac and Control elsewhere. */
export function Kbd({ keys }: { keys: string }) {
  return (
    <span className={styles.keys}>
      {keys.split("+").map((key) => (
        <kbd className={styles.key} key={key}>
          {SYMBOLS[key] ?? key.toUpperCase()}
        </kbd>
      ))}
    </span>
  );
}
