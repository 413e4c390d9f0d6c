import { Button } from "../../ui/Button";
import { visibleBidi, webUrl } from "../../ui/untrusted";
import { askedWords, threadName, timesWords } from "../askedAt";
import { useOpening } from "../useTimeline";
import type { AskedAt } from "../wire";
import styles from "./Said.module.css";

/** Where a message was asked, at a forge. */
export function AskedIn({ asked }: { asked: AskedAt }) {
  const url = webUrl(asked.thread.link);
  const name = visibleBidi(threadName(asked));
  return (
    <span>
      {askedWords(asked)}{" "}
      {url === undefined ? (
        name
      ) : (
        <a href={url} target="_blank" rel="noopener noreferrer">
          {name}
        </a>
      )}
      {timesWords(asked)}
    </span>
  );
}

interface CameWithProps {
  asked: AskedAt;
  /** What came with the order, as the model reads it. */
  beside: string;
  /** The row it belongs to. */
  row: string;
}

/** What came with an order that its author did not write, and what was taken out. */
export function CameWith({ asked, beside, row }: CameWithProps) {
  const [isOpen, open] = useOpening(`${row}:beside`, false);
  const { readings = [], takenOut = [] } = asked;
  return (
    <>
      <Told label="Came with it, by others:" texts={readings.map(({ source }) => source)} />
      <Told label="Taken out before the agent read it:" texts={takenOut} />
      {beside !== "" && (
        <Button variant="quiet" size="s" onPress={() => open(!isOpen)}>
          {isOpen ? "Hide what came with it" : "Show what came with it"}
        </Button>
      )}
      {isOpen && <p className={styles.beside}>{visibleBidi(beside)}</p>}
    </>
  );
}

function Told({ label, texts }: { label: string; texts: readonly string[] }) {
  if (texts.length === 0) return null;
  return (
    <p className={styles.told}>
      {label} {visibleBidi(texts.join("; "))}
    </p>
  );
}
