import { explain, sentence } from "../../api/errors";
import type { AllowedHost, NetworkMode, WhenAllThree } from "../../api/types";
import type { Choice } from "../../ui/Field";

/** From the narrowest to the widest. */
const MODES: readonly (Choice & { id: NetworkMode })[] = [
  { id: "offline", label: "Offline", description: "Nothing but their repositories and models." },
  { id: "allowlist", label: "Listed hosts", description: "Only hosts that are listed here." },
  {
    id: "packages",
    label: "Packages",
    description:
      "Registries of programming languages and Linux distributions, to read from, and listed hosts.",
  },
  { id: "open", label: "Open", description: "Every public host." },
];

/** The modes that go no farther than this one. */
export function choicesOf(floor: NetworkMode): Choice[] {
  return MODES.slice(0, MODES.findIndex(({ id }) => id === floor) + 1);
}

/** What people call a mode. */
export function titleOf(mode: NetworkMode): string {
  return MODES.find(({ id }) => id === mode)?.label ?? mode;
}

/** From the laxest to the strictest. */
const RULES: readonly (Choice & { id: WhenAllThree })[] = [
  {
    id: "allow",
    label: "Let it send",
    description: "It is recorded, and stands in the pull request.",
  },
  {
    id: "ask",
    label: "Ask a person",
    description: "Nothing is sent, except with a grant, until a person allows it.",
  },
  {
    id: "narrow",
    label: "Only let it read",
    description: "Nothing is sent, except with a grant. A person may allow more.",
  },
];

/** The rules that are no laxer than this one. */
export function rulesOf(floor: WhenAllThree): Choice[] {
  return RULES.slice(RULES.findIndex(({ id }) => id === floor));
}

/** What people call a rule. */
export function ruleTitleOf(rule: WhenAllThree): string {
  return RULES.find(({ id }) => id === rule)?.label ?? rule;
}

/** What tells one host of the list from another. */
export function keyOf({ entry, repository }: AllowedHost): string {
  return `${entry} ${repository ?? ""}`;
}

/** Why a host was not kept; its place in the list says nothing to people. */
export function refusalOf(error: unknown): string {
  return sentence(explain(error).message.replace(/^allowedHosts(\.\d+\.\w+)?: /i, ""));
}
