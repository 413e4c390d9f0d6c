/** A risk seen in a diff, shown under the line it is about. */
export interface Finding {
  id: string;
  /** Place of the repository among the agent's. */
  repoIndex: number;
  path: string;
  side: "before" | "after";
  line: number;
  severity: "info" | "warning" | "high";
  /** One plain sentence. */
  title: string;
  /** Markdown; treated as untrusted. */
  detail?: string;
}
