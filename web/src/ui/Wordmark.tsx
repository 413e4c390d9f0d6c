import styles from "./Wordmark.module.css";

/** The name, with its folded-paper arrow. */
export function Wordmark({ size = 18 }: { size?: number }) {
  return (
    <span className={styles.wordmark} style={{ fontSize: size }}>
      <Glyph />
      errand
    </span>
  );
}

/** The folded-paper arrow alone. */
export function Glyph() {
  return (
    <svg className={styles.glyph} viewBox="0 0 20 20" aria-hidden="true">
      <path className={styles.wing} d="M1.6 9.6 18.4 2.2l-5.4 15.6-4-5.7z" />
      <path className={styles.fold} d="m9 12.1 9.4-9.9-7.6 7.9z" />
    </svg>
  );
}
