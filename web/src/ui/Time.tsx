import { duration, exactTime, relativeTime, shortTime } from "./format";
import { useNow } from "./useNow";

interface TimeProps {
  at: string | number;
  className?: string | undefined;
  /** For lists: `4m`, `3h`. */
  short?: boolean;
}

/** A moment: relative, the exact time on hover. */
export function Time({ at, className, short }: TimeProps) {
  const now = useNow();
  const date = new Date(at);
  return (
    <time dateTime={date.toISOString()} title={exactTime(date)} className={className}>
      {short ? shortTime(date.getTime(), now) : relativeTime(date.getTime(), now)}
    </time>
  );
}

/** A span of time: `8 s`, `4 min 12 s`. */
export function Duration({ ms }: { ms: number }) {
  return <span title={`${(ms / 1000).toFixed(1)} seconds`}>{duration(ms)}</span>;
}
