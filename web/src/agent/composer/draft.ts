/** What was typed and not sent yet, kept for this tab while pages change. */

const DRAFT = "errand.draft.";

export function readDraft(agent: string): string {
  try {
    return sessionStorage.getItem(DRAFT + agent) ?? "";
  } catch {
    return "";
  }
}

export function keepDraft(agent: string, text: string): void {
  try {
    if (text === "") sessionStorage.removeItem(DRAFT + agent);
    else sessionStorage.setItem(DRAFT + agent, text);
  } catch {
    // Without storage the draft lives as long as the field.
  }
}
