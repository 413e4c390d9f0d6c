import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { call } from "../api/client";
import { ErrorState } from "../ui/ErrorState";
import { bytes, exactCount } from "../ui/format";
import { Skeleton } from "../ui/Skeleton";
import { machinePath, noticeSleep, type Stats } from "./queries";
import styles from "./UsagePage.module.css";
import { EMPTY, type History, lineOf, sleepWords, withStats } from "./usage";

const EVERY_MS = 2_000;
/** Below this much memory the chart is not stretched. */
const MEMORY_FLOOR = 64_000_000;
/** From this share of a limit on people are told. */
const FULL = 0.9;

/** What the machine uses right now, and in the last minutes. */
export function UsagePage({ agent }: { agent: string }) {
  const [history, setHistory] = useState<History>(EMPTY);
  const stats = useQuery({
    queryKey: ["machine", agent, "stats"],
    refetchInterval: EVERY_MS,
    gcTime: 0,
    queryFn: async () => {
      try {
        const now = await call<Stats>("GET", machinePath(agent, "stats"));
        setHistory((before) => withStats(before, now));
        return now;
      } catch (error) {
        noticeSleep(agent, error);
        throw error;
      }
    },
  });
  if (stats.isPending) {
    return (
      <div className={styles.page}>
        <Skeleton height={148} radius={8} />
        <Skeleton height={148} radius={8} />
      </div>
    );
  }
  if (stats.isError && !stats.data) {
    return (
      <ErrorState
        title="Could not measure the machine"
        error={stats.error}
        onRetry={() => void stats.refetch()}
      />
    );
  }
  const { data: now } = stats;
  const { samples } = history;
  const cores = samples.at(-1)?.cores;
  const limit = now.memoryLimitBytes ?? undefined;
  const allowed = now.cpuLimitMillis / 1000;
  const sleep = sleepWords(now, now.atMs);
  return (
    <div className={styles.page}>
      <Chart
        title="Processor"
        value={cores === undefined ? "Measuring…" : `${cores.toFixed(2)} of ${allowed} cores`}
        values={samples.map((sample) => sample.cores)}
        floor={allowed}
        topOf={(top) => `${top.toFixed(1)} cores`}
      />
      <Chart
        title="Memory"
        value={
          limit === undefined
            ? bytes(now.memoryBytes)
            : `${bytes(now.memoryBytes)} of ${bytes(limit)}`
        }
        values={samples.map((sample) => sample.memoryBytes)}
        floor={limit ?? MEMORY_FLOOR}
        topOf={bytes}
        note={
          limit !== undefined && now.memoryBytes > FULL * limit
            ? "Nearly all is used: the kernel ends what takes more."
            : undefined
        }
      />
      <Disk used={now.diskUsedBytes} total={now.diskTotalBytes} />
      <div className={styles.card}>
        <div className={styles.head}>
          <h2 className={styles.title}>Processes</h2>
          <span className={styles.value}>
            {exactCount(now.processes)} of {exactCount(now.processesLimit)}
          </span>
        </div>
        {now.processes > FULL * now.processesLimit && (
          <p className={styles.note}>Nearly all are used: commands cannot start more.</p>
        )}
      </div>
      {sleep && <p className={styles.sleep}>{sleep} Files stay, and the next message wakes it.</p>}
    </div>
  );
}

interface ChartProps {
  title: string;
  value: string;
  values: readonly number[];
  floor: number;
  topOf(top: number): string;
  note?: string | undefined;
}

function Chart({ title, value, values, floor, topOf, note }: ChartProps) {
  const { points, top } = lineOf(values, floor);
  const first = points.split(",", 1)[0] ?? "100";
  return (
    <div className={styles.card}>
      <div className={styles.head}>
        <h2 className={styles.title}>{title}</h2>
        <span className={styles.value}>{value}</span>
      </div>
      <div className={styles.chart}>
        <svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">
          <path className={styles.grid} d="M0 25H100M0 50H100M0 75H100" />
          {values.length > 1 && (
            <>
              <polygon className={styles.area} points={`${first},100 ${points} 100,100`} />
              <polyline className={styles.line} points={points} />
            </>
          )}
        </svg>
        <span className={styles.top}>{topOf(top)}</span>
        <span className={styles.span}>last 3 min</span>
      </div>
      {note && <p className={styles.note}>{note}</p>}
    </div>
  );
}

function Disk({ used, total }: { used: number; total: number }) {
  const share = total > 0 ? Math.min(1, used / total) : 0;
  return (
    <div className={styles.card}>
      <div className={styles.head}>
        <h2 className={styles.title}>Disk</h2>
        <span className={styles.value}>
          {bytes(used)} of {bytes(total)}
        </span>
      </div>
      <svg className={styles.bar} viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">
        <rect className={styles.track} width="100" height="1" />
        <rect
          className={share > FULL ? styles.full : styles.used}
          width={Math.max(0.5, share * 100)}
          height="1"
        />
      </svg>
      {share > FULL && <p className={styles.note}>Little room is left: builds may fail.</p>}
    </div>
  );
}
