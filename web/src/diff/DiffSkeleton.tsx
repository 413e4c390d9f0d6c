import { Skeleton } from "../ui/Skeleton";
import styles from "./DiffSkeleton.module.css";

const FILES = [140, 180, 110, 160, 130, 170];
const LINES = ["62%", "48%", "71%", "35%", "66%", "52%", "44%", "58%", "30%", "69%"];

/** The shape of a diff while it is loaded. */
export function DiffSkeleton() {
  return (
    <div className={styles.skeleton}>
      <p className="visually-hidden" role="status">
        Loading the changes
      </p>
      <div className={styles.files}>
        {FILES.map((width) => (
          <Skeleton key={width} width={width} />
        ))}
      </div>
      <div className={styles.lines}>
        <Skeleton height={38} radius={8} />
        {LINES.map((width) => (
          <Skeleton key={width} width={width} />
        ))}
      </div>
    </div>
  );
}
