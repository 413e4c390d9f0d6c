import { ApiError, explain } from "../../api/errors";
import type { EnvironmentBody, PutSecret, SecretBody } from "../../api/types";

/** What a form says about a secret. */
export interface Draft {
  name: string;
  value: string;
  what: What;
  hosts: string;
  places: readonly Place[];
  repositories: readonly string[];
}

/** What becomes of a value, as people choose it. */
export type What = "grant" | "plain" | "variable" | "build";

export type Place = SecretBody["places"][number];

/** Whose secrets: `user`, `team`, or the id of a saved environment. */
export type OwnerId = string;

export const PLACES: readonly { id: Place; label: string }[] = [
  { id: "header", label: "Headers" },
  { id: "basic", label: "User name or password" },
  { id: "query", label: "The query of the address" },
  { id: "body", label: "The body" },
];

export const WHATS: readonly { id: What; label: string; description: string }[] = [
  {
    id: "grant",
    label: "Grant: stays outside the machine",
    description: "Only the hosts you name are given the value.",
  },
  {
    id: "plain",
    label: "Plain secret: inside the machine",
    description: "Programs can read the value and send it anywhere.",
  },
  {
    id: "variable",
    label: "Variable: no secret",
    description: "Shown in transcripts as it is.",
  },
  { id: "build", label: "For builds only", description: "Install and Dockerfiles, not agents." },
];

/** What a choice means, with its risk. */
export function meaningOf(what: What): string {
  switch (what) {
    case "grant":
      return "A grant is not in the machine. Its value is for the hosts below, so name only hosts that nobody but the service answers for: one that sends back what it was sent shows the value to everybody.";
    case "plain":
      return "Every program in the machine can read the value, and so can a model that was talked into it. It can be sent to any host the machine reaches. Transcripts, commit messages and pull requests show [REDACTED] in its place, which is against accidents only. Give it as few rights as will do.";
    case "variable":
      return "The value is a variable in the machine and stands in transcripts as it is. Choose this for what is no secret.";
    case "build":
      return "A grant of what prepares a disk: install and the steps of Dockerfiles know a placeholder, whose value is for the hosts below. It is worth nothing once an agent works.";
  }
}

/** Which of the choices a secret is. */
export function whatOf({ type, plain }: SecretBody): What {
  if (type === "environment_variable") return "variable";
  if (type === "build_secret") return "build";
  return plain ? "plain" : "grant";
}

/** Names of secrets that are the ARN of a role. */
const ROLES = ["ERRAND_AWS_ASSUME_IAM_ROLE_ARN", "CURSOR_AWS_ASSUME_IAM_ROLE_ARN"];

/** A secret in a few words, for lists. */
export function summaryOf(secret: SecretBody): string {
  if (ROLES.includes(secret.name.toUpperCase())) return "Role of AWS, its keys stay outside";
  switch (whatOf(secret)) {
    case "grant":
      return `Grant for ${secret.hosts.join(", ")}`;
    case "plain":
      return "Plain secret, inside the machine";
    case "variable":
      return "Variable, no secret";
    case "build":
      return secret.hosts.length > 0
        ? `For builds only, for ${secret.hosts.join(", ")}`
        : "For builds only";
  }
}

/** Hosts as they were typed: one on a line, or with commas or spaces between. */
export function hostsOf(typed: string): string[] {
  return typed.split(/[\s,]+/).filter((host) => host !== "");
}

/** What the server is told. Hosts that were left out may be known to it by the name. */
export function bodyOf({ value, what, hosts, places, repositories }: Draft): PutSecret {
  const repos = repositories.map((url) => ({ url }));
  switch (what) {
    case "grant":
    case "build": {
      const named = hostsOf(hosts);
      return {
        value,
        repos,
        ...(what === "grant" ? { type: "runtime_secret", plain: false } : { type: "build_secret" }),
        ...(named.length > 0 && { hosts: named, places: [...places] }),
      };
    }
    case "plain":
      return { value, repos, type: "runtime_secret", plain: true };
    case "variable":
      return { value, repos, type: "environment_variable" };
  }
}

/** A form about a new secret, or about one that gets another value. */
export function draftOf(secret?: SecretBody): Draft {
  return {
    name: secret?.name ?? "",
    value: "",
    what: secret === undefined ? "grant" : whatOf(secret),
    hosts: secret?.hosts.join("\n") ?? "",
    places: secret?.places.length ? secret.places : ["header", "basic"],
    repositories: secret?.repos.map(({ url }) => url) ?? [],
  };
}

/** Why a secret was not kept, in words for this page. */
export function refusalOf(error: unknown): string {
  if (error instanceof ApiError && error.code === "secret_hosts_required") {
    return "Name the hosts that are to be given the value. Where there is none, choose a plain secret.";
  }
  return explain(error).message;
}

/** Whose a secret is, as the page groups them. */
export function ownerOf({ owner, environmentId }: SecretBody): OwnerId {
  return environmentId ?? owner;
}

/** The owners, in the order of the page. */
export function ownersOf(
  environments: readonly EnvironmentBody[],
): { id: OwnerId; title: string; isForEverybody: boolean }[] {
  return [
    { id: "user", title: "Yours", isForEverybody: false },
    { id: "team", title: "The team's", isForEverybody: true },
    ...environments.map(({ id, name }) => ({
      id,
      title: `Of the environment “${name}”`,
      isForEverybody: true,
    })),
  ];
}
