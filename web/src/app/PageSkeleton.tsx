import { Skeleton } from "../ui/Skeleton";
import styles from "./Page.module.css";

/** A page whose code is on its way. */
export function PageSkeleton() {
  return (
    <div className={styles.skeleton} role="status" aria-label="Loading">
      <Skeleton width={220} height={20} />
      <Skeleton width="70%" />
      <Skeleton width="55%" />
      <Skeleton width="62%" />
    </div>
  );
}
