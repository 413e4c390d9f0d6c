/** What a person types into the address field, as an address the browser inside may be sent to. */

const LOCAL = /^(localhost|[\w-]+\.localhost|127(\.\d+){3}|0\.0\.0\.0|\[::1?\])(:\d+)?([/?#]|$)/i;
/** A scheme; `localhost:3000` has none, for a port is a number. */
const SCHEME = /^([a-z][a-z0-9+.-]*):(?!\d)/i;

/** The address, or nothing where it is none that may be opened. */
export function addressOf(typed: string): string | undefined {
  const text = typed.trim();
  if (text === "about:blank") return text;
  if (text === "" || /\s/.test(text)) return undefined;
  const scheme = SCHEME.exec(text)?.[1]?.toLowerCase();
  if (scheme !== undefined) return /^https?$/.test(scheme) ? parsed(text) : undefined;
  if (/^:?\d{2,5}([/?#]|$)/.test(text)) return parsed(`http://localhost:${text.replace(/^:/, "")}`);
  return parsed(`${LOCAL.test(text) ? "http" : "https"}://${text}`);
}

function parsed(text: string): string | undefined {
  try {
    const url = new URL(text);
    return url.hostname === "" ? undefined : url.href;
  } catch {
    return undefined;
  }
}

/** An address as the field shows it: nothing for an empty tab. */
export function shownAddress(url: string): string {
  return url === "about:blank" ? "" : url;
}
