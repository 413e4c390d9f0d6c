import { CornerDownRight } from "lucide-react";
import { memo } from "react";
import { MODES } from "../../api/modes";
import { Badge } from "../../ui/Badge";
import { Button } from "../../ui/Button";
import { cx } from "../../ui/cx";
import { HiddenNote } from "../../ui/HiddenNote";
import { Time } from "../../ui/Time";
import { visibleBidi } from "../../ui/untrusted";
import { parted } from "../askedAt";
import type { PromptRow, SteerRow } from "../rows";
import { useOpening } from "../useTimeline";
import { AskedIn, CameWith } from "./AskedAt";
import { Pictures } from "./Pictures";
import styles from "./Said.module.css";

/** A message longer than this is folded. */
const SHORT_CHARS = 1200;
const SHORT_LINES = 14;

/** What becomes of hidden characters, by whose words they stand in. */
const TAKEN = "The model reads the message without them.";
const TOLD: Record<string, string> = {
  owner: "The model reads them, and is told of them.",
  member: "The model reads them, and is told of them.",
  platform: "The model reads them.",
};

/** What a person said: to begin a run, or into one. */
export const Said = memo(function Said({ row }: { row: PromptRow | SteerRow }) {
  const isSteer = row.kind === "steer";
  const options = row.kind === "prompt" ? row.options : undefined;
  const asked = row.prompt?.askedAt;
  const isOurs = options?.automatic || asked?.fix !== undefined;
  const who = isOurs ? "Errand" : (row.principal ?? "Somebody");
  const { order, beside } = row.prompt ? parted(row.prompt) : { order: "", beside: "" };
  const mode = MODES.find(({ id }) => id === options?.mode);
  return (
    <div className={cx(styles.said, isSteer && styles.steer)}>
      <div className={styles.by}>
        {isSteer && <CornerDownRight aria-hidden="true" />}
        <span className={styles.who}>{who}</span>
        {asked && <AskedIn asked={asked} />}
        {isSteer && <span>while it was working</span>}
        <Time at={row.at} />
        {mode && mode.id !== "agent" && <Badge>{mode.label}</Badge>}
        {options?.model && <Badge>{options.model.id}</Badge>}
      </div>
      {row.prompt ? <Words row={row} text={order} /> : <p>An earlier message.</p>}
      {asked && <CameWith asked={asked} beside={beside} row={row.key} />}
      {row.prompt && (
        <HiddenNote
          className={styles.hidden}
          text={row.prompt.text}
          becomes={TOLD[row.prompt.source] ?? TAKEN}
        />
      )}
      <Pictures said={row.said} images={row.prompt?.images ?? []} />
    </div>
  );
});

function Words({ row, text }: { row: PromptRow | SteerRow; text: string }) {
  const [isOpen, open] = useOpening(row.key, false);
  const lines = text.split("\n");
  const isLong = text.length > SHORT_CHARS || lines.length > SHORT_LINES;
  const shown =
    isLong && !isOpen ? `${lines.slice(0, SHORT_LINES).join("\n").slice(0, SHORT_CHARS)} …` : text;
  return (
    <>
      <p className={styles.words}>{visibleBidi(shown)}</p>
      {isLong && (
        <Button variant="quiet" size="s" onPress={() => open(!isOpen)}>
          {isOpen ? "Show less" : "Show the whole message"}
        </Button>
      )}
    </>
  );
}
