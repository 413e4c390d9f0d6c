import { useEffect, useState } from "react";
import styles from "./AgentHeader.module.css";
import { useLiveStatus } from "./useTimeline";

/** A short cut is not worth a word. */
const PATIENCE_MS = 1500;

/** Says when what is shown may be old. */
export function Reconnecting() {
  const status = useLiveStatus();
  const isAway = status === "connecting" || status === "waiting";
  const [isShown, setShown] = useState(false);
  useEffect(() => {
    if (!isAway) {
      setShown(false);
      return;
    }
    const timer = setTimeout(() => setShown(true), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, [isAway]);
  if (!isShown) return null;
  return (
    <div className={styles.reconnecting} role="status">
      Connecting again. Nothing is lost: what happens meanwhile will be shown.
    </div>
  );
}
