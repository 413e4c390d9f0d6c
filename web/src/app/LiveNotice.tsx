import { useEffect, useState, useSyncExternalStore } from "react";
import { live } from "../api/live";
import { Button, Spinner } from "../ui/Button";
import styles from "./Sidebar.module.css";

const PATIENCE_MS = 2500;

/** Says so when changes have stopped coming; short cuts pass unmentioned. */
export function LiveNotice() {
  const status = useSyncExternalStore(live.subscribe, () => live.status);
  const [late, setLate] = useState(false);
  const away = status === "waiting" || status === "connecting";
  useEffect(() => {
    if (!away) {
      setLate(false);
      return;
    }
    const timer = setTimeout(() => setLate(true), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, [away]);
  return (
    <div role="status">
      {away && late && (
        <div className={styles.notice}>
          <Spinner />
          <span>Connection lost. Trying again…</span>
          <Button size="s" variant="quiet" onPress={() => live.wake()}>
            Now
          </Button>
        </div>
      )}
    </div>
  );
}
