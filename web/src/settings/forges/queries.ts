import type { components } from "../../api/schema";

export type ForgeBody = components["schemas"]["ForgeBody"];
export type ConnectForge = components["schemas"]["ConnectForge"];
export type TriggersBody = components["schemas"]["TriggersBody"];
export type WebhookBody = components["schemas"]["WebhookBody"];

export const FORGES = ["forges"];

/** What a host is called, by its kind. */
export const KINDS: Record<string, string> = {
  github: "GitHub",
  gitlab: "GitLab",
  gitea: "Gitea or Forgejo",
  bitbucket: "Bitbucket Cloud",
};
