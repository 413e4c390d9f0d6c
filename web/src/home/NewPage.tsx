import { PageHeader } from "../app/PageHeader";
import { Composer } from "./Composer";
import styles from "./Home.module.css";

/** A page for writing an errand and nothing else. */
export default function NewPage() {
  return (
    <>
      <PageHeader title="New agent" />
      <div className={styles.scroll}>
        <div className={styles.column}>
          <Composer autoFocus />
        </div>
      </div>
    </>
  );
}
