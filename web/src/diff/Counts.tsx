import { exactCount, plural } from "../ui/format";
import styles from "./Counts.module.css";

/** Lines added and removed. */
export function Counts({ additions, deletions }: { additions: number; deletions: number }) {
  if (additions + deletions === 0) return null;
  const words = `${plural(additions, "line")} added, ${plural(deletions, "line")} removed`;
  return (
    <span className={styles.counts} title={words}>
      <span className="visually-hidden">{words}</span>
      {additions > 0 && (
        <span className={styles.added} aria-hidden="true">
          +{exactCount(additions)}
        </span>
      )}
      {deletions > 0 && (
        <span className={styles.removed} aria-hidden="true">
          −{exactCount(deletions)}
        </span>
      )}
    </span>
  );
}
