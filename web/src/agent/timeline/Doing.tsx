import { StatusDot } from "../../ui/Badge";
import { Elapsed } from "../cards/Elapsed";
import type { Active, Head } from "../head";
import type { Timeline } from "../timeline";
import { useHead, useScope, useShown } from "../useTimeline";
import styles from "./Doing.module.css";

/** What goes on now, under the last row, where nothing else shows it. */
export function Doing() {
  const head = useHead();
  const { timeline } = useScope();
  const { keys } = useShown();
  const { active } = head;
  if (!active) return head.isKeeping ? <Keeping /> : null;
  const words = wordsFor(head, active, timeline, keys);
  if (words === undefined) return null;
  return (
    <div className={styles.doing}>
      <StatusDot tone="accent" word={words} live />
      {active.startedAt !== undefined && (
        <span className={styles.since}>
          <Elapsed since={active.startedAt} />
        </span>
      )}
    </div>
  );
}

function Keeping() {
  return (
    <div className={styles.doing}>
      <StatusDot tone="accent" word="Keeping the machine as it is" live />
    </div>
  );
}

function wordsFor(
  head: Head,
  active: Active,
  timeline: Timeline,
  keys: readonly string[],
): string | undefined {
  if (head.questions.length > 0) return "Waiting for your answer";
  if (active.cancelling) return "Stopping";
  if (active.publishing) return "Saving the work";
  const row = timeline.row(keys.at(-1) ?? "");
  if (row?.kind === "call" && row.state !== "done") return "Working";
  if ((row?.kind === "text" || row?.kind === "thinking") && row.live) return "Writing";
  if (head.isBuild) return "Building";
  return active.asking ? "Thinking" : "Working";
}
