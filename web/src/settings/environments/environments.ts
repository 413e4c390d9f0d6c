/** Saved environments as the settings show them, in plain words. */
import type { BuildBody, EnvironmentVersion, Schemas } from "../../api/types";

/** Something about a text, with its place. */
export type Remark = Schemas["EnvironmentRemark"];

/** What a new one begins with. */
export const BEGINNING = `{
  // Prepares the disk, once; may run over its own result.
  "install": "npm ci",
  // Runs each time the machine comes up.
  "start": ""
}
`;

/** Where a place of a text lies in it; the nearest that there is where the text changed meanwhile. */
export function offsetOf(text: string, { line, column }: Pick<Remark, "line" | "column">): number {
  const lines = text.split("\n");
  const before = lines.slice(0, line - 1);
  const start = before.reduce((sum, each) => sum + each.length + 1, 0);
  const signs = [...(lines[line - 1] ?? "")].slice(0, column - 1).join("");
  return Math.min(start + signs.length, text.length);
}

const ORIGINS: Record<string, string> = { created: "Saved first", changed: "Changed" };

/** How a version came about. */
export function originOf({ origin, restoredFrom }: EnvironmentVersion): string {
  if (origin === "restored" && restoredFrom != null) {
    return `Brought version ${restoredFrom} back`;
  }
  return ORIGINS[origin] ?? origin;
}

/** The builds that followed an environment, newest first. */
export function buildsOf(id: string, builds: readonly BuildBody[]): BuildBody[] {
  return builds
    .filter(({ environment }) => environment?.id === id)
    .sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1));
}
