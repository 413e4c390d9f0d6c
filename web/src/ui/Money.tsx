import { count, exactCount, money } from "./format";

/** Money from cents. */
export function Money({ cents }: { cents: number }) {
  return <span title={`${(cents / 100).toFixed(6)} US dollars`}>{money(cents)}</span>;
}

/** A count of tokens, short; every digit on hover. */
export function Tokens({ value }: { value: number }) {
  return <span title={`${exactCount(value)} tokens`}>{count(value)} tokens</span>;
}
