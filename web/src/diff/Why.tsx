import { quotesOf } from "./findings";
import { visible } from "./segments";

/** Why a finding was made. What it quotes is code; nothing in it is formatting or a link. */
export function Why({ text }: { text: string }) {
  return quotesOf(text).map(({ text, isQuote }, index) =>
    // biome-ignore lint/suspicious/noArrayIndexKey: parts of one sentence, which never move
    isQuote ? <code key={index}>{visible(text)}</code> : visible(text),
  );
}
