import { Money, Tokens } from "../../ui/Money";
import type { Outlay } from "../wire";

const MICROS_PER_CENT = 10_000;

/** What a message of the model took. */
export function OutlayOf({ outlay }: { outlay: Outlay }) {
  const { inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens } = outlay.usage;
  const tokens = inputTokens + outputTokens + cacheReadTokens + cacheWriteTokens;
  return (
    <span>
      <Tokens value={tokens} /> · <Money cents={outlay.costMicros / MICROS_PER_CENT} />
    </span>
  );
}
