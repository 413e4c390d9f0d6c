import { CircleCheck, CircleSlash, CircleX, Hourglass, RotateCw } from "lucide-react";
import { memo } from "react";
import { Button } from "../../ui/Button";
import { cx } from "../../ui/cx";
import { duration } from "../../ui/format";
import { Money, Tokens } from "../../ui/Money";
import { Time } from "../../ui/Time";
import { parted } from "../askedAt";
import { useSend } from "../composer/useSend";
import type { EndRow } from "../rows";
import { useRuns } from "../useRuns";
import { useHead, useScope, useShown } from "../useTimeline";
import styles from "./End.module.css";
import { Why } from "./Notes";

const ENDS = {
  FINISHED: { Icon: CircleCheck, words: "Done", tone: "green" },
  ERROR: { Icon: CircleX, words: "Failed", tone: "red" },
  CANCELLED: { Icon: CircleSlash, words: "Stopped", tone: "neutral" },
  EXPIRED: { Icon: Hourglass, words: "Out of time", tone: "amber" },
} as const;

/** The end of a run: how, after how long, and what to do about it. */
export const End = memo(function End({ row }: { row: EndRow }) {
  const { Icon, words, tone } = ENDS[row.status as keyof typeof ENDS] ?? ENDS.FINISHED;
  const isFailed = row.status === "ERROR" || row.status === "EXPIRED";
  return (
    <div className={cx(styles.end, isFailed && styles.framed, isFailed && styles[tone])}>
      <div className={styles.line}>
        <span className={cx(styles.word, styles[tone])}>
          <Icon aria-hidden="true" />
          {words}
        </span>
        <span className={styles.fact}>after {duration(row.durationMs)}</span>
        <span className={styles.fact}>
          <Time at={row.at} />
        </span>
        <Took run={row.run} />
        <Again row={row} />
      </div>
      {row.failure && (
        <div className={styles.message}>
          <Why failure={row.failure} />
        </div>
      )}
      {row.status === "EXPIRED" && (
        <p className={styles.message}>
          The run reached its longest time. Work so far is kept. Ask for the rest in smaller steps;
          if the agent wrote a plan.md, tell it to go on from there.
        </p>
      )}
    </div>
  );
});

/** What the run used up, as far as it is among those that are listed. */
function Took({ run }: { run: string | undefined }) {
  const known = useRuns().data?.find(({ id }) => id === run);
  // A list from before the end knows a part of it.
  const isOver = known !== undefined && !["CREATING", "RUNNING"].includes(known.status);
  const usage = isOver ? known.usage : undefined;
  if (usage === undefined || usage.totalTokens === 0) return null;
  return (
    <>
      <span className={styles.fact}>
        <Tokens value={usage.totalTokens} />
      </span>
      <span className={styles.fact}>
        <Money cents={usage.cost.rawCostCents} />
      </span>
    </>
  );
}

/** Offered for the newest run only, while nothing else is under way. */
function Again({ row }: { row: EndRow }) {
  const { timeline } = useScope();
  const head = useHead();
  const { keys } = useShown();
  const send = useSend();
  const prompt = timeline.row(`prompt:${row.run}`);
  const said = prompt?.kind === "prompt" ? prompt.prompt : undefined;
  // TRUST: texts by others that came with it are in the log; nobody sends them as words of their own.
  const text = said && parted(said).order;
  const isNewest = keys.findLast((key) => key.startsWith("end:")) === row.key;
  const isOffered = row.status !== "FINISHED" && isNewest && !head.active && text !== undefined;
  if (!isOffered || head.archived || head.isBuild) return null;
  const options = prompt?.kind === "prompt" ? prompt.options : undefined;
  return (
    <Button
      size="s"
      icon={<RotateCw />}
      isPending={send.isPending}
      onPress={() =>
        send.mutate({
          text,
          images: [],
          whenBusy: "refuse",
          mode: options?.mode ?? undefined,
          model: options?.model ?? undefined,
        })
      }
    >
      Try again
    </Button>
  );
}
