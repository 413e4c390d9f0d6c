// TRUST: everything here judges text that a model, a repository or a web page wrote.

const BIDI = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const SCHEMES = new Set(["http:", "https:", "mailto:"]);

/** The address if a person may be led there, else nothing. Relative ones lead nowhere. */
export function safeUrl(url: string): string | undefined {
  try {
    const parsed = new URL(url);
    return SCHEMES.has(parsed.protocol) ? parsed.href : undefined;
  } catch {
    return undefined;
  }
}

/** The address if it is one of the web, else nothing. */
export function webUrl(url: string): string | undefined {
  const safe = safeUrl(url);
  return safe !== undefined && /^https?:/.test(safe) ? safe : undefined;
}

/** The host of an address, in ASCII so that look-alike letters show. */
export function hostOf(url: string): string {
  try {
    const parsed = new URL(url);
    return parsed.protocol === "mailto:" ? parsed.pathname : parsed.host || parsed.protocol;
  } catch {
    return "no address";
  }
}

/** Shows characters that would reorder the text around them as their code points. */
export function visibleBidi(text: string): string {
  return text.replace(BIDI, (char) => {
    const code = char.codePointAt(0) ?? 0;
    return `⟦U+${code.toString(16).toUpperCase().padStart(4, "0")}⟧`;
  });
}
