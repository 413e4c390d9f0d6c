import type { ReactNode } from "react";
import styles from "./Settings.module.css";

interface SectionProps {
  title: string;
  description?: ReactNode;
  children: ReactNode;
}

/** A titled part of a settings page. */
export function Section({ title, description, children }: SectionProps) {
  return (
    <section className={styles.section}>
      <h2>{title}</h2>
      {description !== undefined && <p className={styles.about}>{description}</p>}
      <div className={styles.card}>{children}</div>
    </section>
  );
}
