import { useEffect, useState } from "react";
import { duration } from "../../ui/format";

const TICK_MS = 1000;

/** Time since something began, counting. A clock ahead of ours counts from zero. */
export function Elapsed({ since }: { since: number }) {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), TICK_MS);
    return () => clearInterval(timer);
  }, []);
  const seconds = Math.max(0, Math.floor((now - since) / 1000));
  return (
    <span aria-hidden="true">
      {duration(seconds * 1000)
        .replace("0 ms", "0 s")
        .replace(".0", "")}
    </span>
  );
}
