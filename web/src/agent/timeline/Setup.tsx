import { Check, ChevronRight, Monitor, TriangleAlert } from "lucide-react";
import { memo } from "react";
import { sentence } from "../../api/errors";
import { providerName, repositoryName } from "../../api/status";
import { Spinner } from "../../ui/Button";
import { cx } from "../../ui/cx";
import { duration } from "../../ui/format";
import { visibleBidi } from "../../ui/untrusted";
import { Elapsed } from "../cards/Elapsed";
import { Output } from "../cards/Output";
import type { SetupRow } from "../rows";
import { standingOf, standingWords } from "../standing";
import { useHead, useOpening } from "../useTimeline";
import { PHASES, SET_UP_PHASES } from "../words";
import styles from "./Setup.module.css";

/** Lines of what the project's own scripts print while they run. */
const OUTPUT_LINES = 10;

/** A machine being made ready: one line, its steps behind it. */
export const Setup = memo(function Setup({ row }: { row: SetupRow }) {
  const head = useHead();
  const standing = standingOf(row, head);
  const isWorking = standing === "working" || standing === "settingUp";
  const isBad = standing === "failed" || standing === "over";
  const failure = row.failure ?? (standing === "over" ? row.retries?.at(-1) : undefined);
  const [isOpen, open] = useOpening(row.key, false);
  return (
    <div className={styles.setup}>
      <button
        type="button"
        className={styles.head}
        aria-expanded={isOpen}
        onClick={() => open(!isOpen)}
      >
        <span className={cx(styles.icon, isBad && styles.bad)} aria-hidden="true">
          {isWorking ? <Spinner /> : isBad ? <TriangleAlert /> : <Monitor />}
        </span>
        <span>{standingWords(row, standing)}</span>
        <span className={styles.facts}>
          {isWorking && <Elapsed since={row.readyAt ?? row.at} />}
          {standing === "ready" && <Took row={row} />}
          <ChevronRight className={styles.chevron} aria-hidden="true" />
        </span>
      </button>
      {row.progress?.percent != null && isWorking && <Bar percent={row.progress.percent} />}
      {isOpen && <Steps row={row} />}
      {standing === "settingUp" && row.output !== undefined && (
        <div className={styles.output}>
          <Output text={row.output} lines={OUTPUT_LINES} from="end" isProse label="Its output" />
        </div>
      )}
      {failure && <p className={styles.failure}>{sentence(failure.message)}</p>}
    </div>
  );
});

/** From the wish for a machine until the project's own scripts were over. */
function Took({ row }: { row: SetupRow }) {
  if (row.readyAt === undefined) return null;
  const setUp = row.phases.filter(({ phase }) => SET_UP_PHASES.has(phase));
  const after = setUp.reduce((sum, { durationMs }) => sum + durationMs, 0);
  return duration(Math.max(0, row.readyAt - row.at) + after);
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
          <span>Machine started{row.provider ? ` on ${providerName(row.provider)}` : ""}</span>
          <span className={styles.took}>{duration(row.bootMs)}</span>
        </li>
      )}
      {row.file !== undefined && (
        <li>
          <Check aria-hidden="true" />
          <span>
            Follows <code>{visibleBidi(row.file)}</code>
          </span>
        </li>
      )}
      {row.phases.map(({ phase, detail, durationMs, isFailed }) => (
        <li key={`${phase} ${detail}`}>
          {isFailed ? <TriangleAlert aria-hidden="true" /> : <Check aria-hidden="true" />}
          <span>
            {isFailed ? `Project's ${phase} failed` : (PHASES[phase]?.[1] ?? phase)}
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
