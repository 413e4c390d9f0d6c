/** A page of the settings. */
export interface SettingsPageInfo {
  path: string;
  title: string;
  /** Other words that find it. */
  words: string;
}

const ALWAYS: readonly SettingsPageInfo[] = [
  { path: "defaults", title: "Defaults", words: "model repository base branch retention" },
  { path: "security", title: "Privacy and security", words: "summary privacy mode training code" },
  { path: "keys", title: "API keys", words: "token access revoke" },
  { path: "appearance", title: "Appearance", words: "theme dark light colours this browser" },
  { path: "server", title: "About this server", words: "doctor version health isolation checks" },
];

/** Pages of back ends that not every server has, by the feature that brings them. */
const WITH_FEATURE: readonly (SettingsPageInfo & { feature: string })[] = [
  {
    feature: "environments",
    path: "environments",
    title: "Environments",
    words: "builds snapshot",
  },
  { feature: "network", path: "network", title: "Network and secrets", words: "egress allow" },
  { feature: "forges", path: "forges", title: "Forges", words: "github gitlab pull requests" },
  {
    feature: "providers",
    path: "providers",
    title: "Providers",
    words: "cloud machines modal fly",
  },
  { feature: "teams", path: "teams", title: "Teams", words: "members roles" },
];

/** The pages this server has. */
export function settingsPages(features: readonly string[]): SettingsPageInfo[] {
  return [...ALWAYS, ...WITH_FEATURE.filter(({ feature }) => features.includes(feature))];
}
