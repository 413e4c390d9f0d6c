import styles from "./states.module.css";

interface SkeletonProps {
  width?: number | string;
  height?: number | string;
  radius?: number;
}

/** A bar in place of text that is being loaded. */
export function Skeleton({ width = "100%", height = 12, radius }: SkeletonProps) {
  return (
    <span
      className={styles.skeleton}
      style={{ width, height, ...(radius !== undefined && { borderRadius: radius }) }}
      aria-hidden="true"
    />
  );
}
