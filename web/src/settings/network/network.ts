import { explain, sentence } from "../../api/errors";
import type { AllowedHost, NetworkMode } from "../../api/types";
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

/** What tells one host of the list from another. */
export function keyOf({ entry, repository }: AllowedHost): string {
  return `${entry} ${repository ?? ""}`;
}

/** Why a host was not kept; its place in the list says nothing to people. */
export function refusalOf(error: unknown): string {
  return sentence(explain(error).message.replace(/^allowedHosts(\.\d+\.\w+)?: /i, ""));
}
