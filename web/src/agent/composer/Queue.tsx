import { CornerDownRight, X } from "lucide-react";
import { IconButton } from "../../ui/Button";
import { visibleBidi } from "../../ui/untrusted";
import { parted } from "../askedAt";
import { useHead } from "../useTimeline";
import type { Prompt } from "../wire";
import styles from "./Queue.module.css";
import { useCancel } from "./useCancel";

const GIST_CHARS = 200;

/** Messages that wait: for the next step of the run, or for their own turn. */
export function Queue() {
  const { queue, steers, active } = useHead();
  const cancel = useCancel();
  const waiting = active ? queue : [];
  if (waiting.length === 0 && steers.length === 0) return null;
  return (
    <ul className={styles.queue} aria-label="Waiting messages">
      {steers.map((row) => (
        <li key={row.key} className={styles.item}>
          <CornerDownRight aria-hidden="true" />
          <span className={styles.text}>{gist(row.prompt)}</span>
          <span className={styles.place}>Read before the next step</span>
        </li>
      ))}
      {waiting.map((row, at) => (
        <li key={row.key} className={styles.item}>
          <span className={styles.number}>{at + 1}</span>
          <span className={styles.text}>{gist(row.prompt)}</span>
          <span className={styles.place}>{at === 0 ? "Next in the queue" : `Place ${at + 1}`}</span>
          <IconButton
            label="Take it back"
            size="s"
            icon={<X />}
            isDisabled={cancel.isPending}
            onPress={() => row.run && cancel.mutate(row.run)}
          />
        </li>
      ))}
    </ul>
  );
}

function gist(prompt: Prompt | undefined): string {
  const text = prompt ? parted(prompt).order : "A message";
  return visibleBidi(text.replace(/\s+/g, " ").slice(0, GIST_CHARS));
}
