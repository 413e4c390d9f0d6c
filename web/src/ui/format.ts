const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const WEEK = 7 * DAY;

const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const day = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });
const dayAndYear = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const whole = new Intl.NumberFormat(undefined);

/** `just now`, `4 min ago`, `3 h ago`, `2 d ago`, then the date. A clock ahead of ours is "just now". */
export function relativeTime(atMs: number, nowMs: number): string {
  const ago = nowMs - atMs;
  if (ago < 45_000) return "just now";
  if (ago < HOUR) return `${Math.max(1, Math.round(ago / MINUTE))} min ago`;
  if (ago < DAY) return `${Math.round(ago / HOUR)} h ago`;
  if (ago < WEEK) return `${Math.round(ago / DAY)} d ago`;
  const sameYear = new Date(atMs).getFullYear() === new Date(nowMs).getFullYear();
  return (sameYear ? day : dayAndYear).format(atMs);
}

/** `now`, `4m`, `3h`, `2d`, then the date. */
export function shortTime(atMs: number, nowMs: number): string {
  const ago = nowMs - atMs;
  if (ago < 45_000) return "now";
  if (ago < HOUR) return `${Math.max(1, Math.round(ago / MINUTE))}m`;
  if (ago < DAY) return `${Math.round(ago / HOUR)}h`;
  if (ago < WEEK) return `${Math.round(ago / DAY)}d`;
  return relativeTime(atMs, nowMs);
}

/** Date and time in full. */
export function exactTime(date: Date): string {
  return exact.format(date);
}

/** `0.8 s`, `12 s`, `4 min 12 s`, `2 h 5 min`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60)
    return seconds % 60 === 0 ? `${minutes} min` : `${minutes} min ${seconds % 60} s`;
  const hours = Math.floor(minutes / 60);
  return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
}

/** Cents as dollars; fractions of a cent only where there is nothing else to say. */
export function money(cents: number): string {
  if (cents === 0) return "$0.00";
  if (cents < 0.01) return "< $0.0001";
  if (cents < 1) return `$${(cents / 100).toFixed(4)}`;
  return `$${(cents / 100).toFixed(2)}`;
}

/** `950`, `12.4k`, `3.1M`. */
export function count(value: number): string {
  if (value < 1000) return String(value);
  if (value < 1_000_000) return `${trim(value / 1000)}k`;
  return `${trim(value / 1_000_000)}M`;
}

/** Every digit, grouped. */
export function exactCount(value: number): string {
  return whole.format(value);
}

/** `312 B`, `4.2 kB`, `15 MB`. */
export function bytes(value: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let size = value;
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? size : trim(size)} ${units[unit] ?? "B"}`;
}

/** `1 file`, `3 files`. */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${exactCount(value)} ${value === 1 ? one : many}`;
}

function trim(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(1).replace(/\.0$/, "");
}
