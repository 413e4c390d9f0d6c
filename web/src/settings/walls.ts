/** What the server's checks say, as sentences for people. */

/** What was found, what it protects from, how it gets better: as far as the server says. */
const PARTS = /^(?:(.*)\. )?(protects from .*?)(?:\. (To improve: .*))?$/s;

/** The sentences of a check's detail. */
export function sentencesOf(detail: string): string[] {
  const parts = PARTS.exec(detail)?.slice(1) ?? [detail];
  return parts.filter((part) => part !== undefined && part !== "").map(sentence);
}

/** `sandbox: disk_limit` as people write it. */
export function titleOf(name: string): string {
  return capital(name.replace(/^sandbox: /, "").replace(/(?<=[a-z])_(?=[a-z])/g, " "));
}

function sentence(text: string): string {
  return /[.!?)]$/.test(text) ? capital(text) : `${capital(text)}.`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
