import { useState } from "react";
import { Deliveries } from "./Deliveries";
import styles from "./Forges.module.css";
import type { ForgeBody } from "./queries";
import { Triggers } from "./Triggers";
import { Webhook } from "./Webhook";

/** What people may ask for at a host: by which words, how the host tells, and what came of it. */
export function Asking({ forge }: { forge: ForgeBody }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details
      className={styles.asking}
      open={isOpen}
      onToggle={(event) => setOpen(event.currentTarget.open)}
    >
      <summary>What people may ask for</summary>
      {isOpen && (
        <div className={styles.parts}>
          <Triggers forge={forge} />
          <Webhook forge={forge.id} />
          <Deliveries forge={forge.id} />
        </div>
      )}
    </details>
  );
}
