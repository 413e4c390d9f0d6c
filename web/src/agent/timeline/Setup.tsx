import { Check, ChevronRight, Monitor, TriangleAlert } from "lucide-react";
import { memo } from "react";
import { repositoryName } from "../../api/status";
import { Spinner } from "../../ui/Button";
import { cx } from "../../ui/cx";
import { duration } from "../../ui/format";
import { Elapsed } from "../cards/Elapsed";
import type { SetupRow } from "../rows";
import { useOpening } from "../useTimeline";
import { PHASES } from "../words";
import styles from "./Setup.module.css";

/** A machine being made ready: one line, its steps behind it. */
export const Setup = memo(function Setup({ row }: { row: SetupRow }) {
  const isReady = row.readyAt !== undefined;
  const isWorking = !isReady && !row.failure && !row.isStopped;
  const [isOpen, open] = useOpening(row.key, false);
  return (
    <div className={styles.setup}>
      <button
        type="button"
        className={styles.head}
        aria-expanded={isOpen}
        onClick={() => open(!isOpen)}
      >
        <span className={cx(styles.icon, row.failure && styles.bad)} aria-hidden="true">
          {isWorking ? <Spinner /> : row.failure ? <TriangleAlert /> : <Monitor />}
        </span>
        <span>{title(row)}</span>
        <span className={styles.facts}>
          {isWorking && <Elapsed since={row.at} />}
          {isReady && duration(Math.max(0, (row.readyAt ?? 0) - row.at))}
          <ChevronRight className={styles.chevron} aria-hidden="true" />
        </span>
      </button>
      {row.progress?.percent != null && isWorking && <Bar percent={row.progress.percent} />}
      {isOpen && <Steps row={row} />}
      {row.failure && <p className={styles.failure}>{row.failure.message}</p>}
    </div>
  );
});

function title(row: SetupRow): string {
  if (row.failure) return "The machine could not be made ready";
  if (row.isStopped) return "The machine was stopped before it was needed";
  if (row.readyAt !== undefined)
    return row.epoch > 1 ? "Another machine is ready" : "Machine ready";
  const during = PHASES[row.progress?.phase ?? ""]?.[0];
  const step = during ? `: ${during.toLowerCase()}` : "";
  return `The agent is getting its machine ready${step}`;
}

function Bar({ percent }: { percent: number }) {
  return (
    <progress className={styles.bar} max={100} value={percent} aria-label="Progress">
      {percent} %
    </progress>
  );
}

function Steps({ row }: { row: SetupRow }) {
  return (
    <ul className={styles.steps}>
      {row.bases?.map((base) => (
        <li key={base.url}>
          <Check aria-hidden="true" />
          <span>
            Starts from <code>{base.baseBranch}</code> of {repositoryName(base.url)} at{" "}
            <code>{base.commit.slice(0, 10)}</code>
          </span>
        </li>
      ))}
      {row.bootMs !== undefined && (
        <li>
          <Check aria-hidden="true" />
          <span>Machine started{row.provider ? ` (${row.provider})` : ""}</span>
          <span className={styles.took}>{duration(row.bootMs)}</span>
        </li>
      )}
      {row.phases.map(({ phase, detail, durationMs }) => (
        <li key={`${phase} ${detail}`}>
          <Check aria-hidden="true" />
          <span>
            {PHASES[phase]?.[1] ?? phase}
            {detail && `: ${detail}`}
          </span>
          <span className={styles.took}>{duration(durationMs)}</span>
        </li>
      ))}
      {row.retries?.map((failure, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: attempts have no other name
        <li key={at}>
          <TriangleAlert aria-hidden="true" />
          <span>Tried again: {failure.message}</span>
        </li>
      ))}
    </ul>
  );
}
