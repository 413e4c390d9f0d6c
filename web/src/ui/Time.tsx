import { duration, exactTime, relativeTime } from "./format";
import { useNow } from "./useNow";

/** A moment: relative, the exact time on hover. */
export function Time({ at, className }: { at: string | number; className?: string }) {
  const now = useNow();
  const date = new Date(at);
  return (
    <time dateTime={date.toISOString()} title={exactTime(date)} className={className}>
      {relativeTime(date.getTime(), now)}
    </time>
  );
}

/** A span of time: `8 s`, `4 min 12 s`. */
export function Duration({ ms }: { ms: number }) {
  return <span title={`${(ms / 1000).toFixed(1)} seconds`}>{duration(ms)}</span>;
}
