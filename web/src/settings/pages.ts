/** A page of the settings. */
export interface SettingsPageInfo {
  path: string;
  title: string;
  /** Other words that find it. */
  words: string;
  /** Where what it shows is changed: on the page, or in the server's configuration. */
  place: "here" | "configuration";
  /** The server can do more about it than this app, which is older. */
  isOutgrown?: boolean;
}

const HERE: readonly Omit<SettingsPageInfo, "place">[] = [
  { path: "defaults", title: "Defaults", words: "model repository base branch retention" },
  {
    path: "security",
    title: "Privacy and security",
    words: "summary privacy mode training code channel",
  },
  {
    path: "environments",
    title: "Environments and builds",
    words: "snapshot image dockerfile devcontainer install pin layers",
  },
  {
    path: "forges",
    title: "Forges",
    words: "github gitlab gitea bitbucket connect pull requests ssh git",
  },
  {
    path: "secrets",
    title: "Secrets",
    words: "variables env token credentials grants vault hosts",
  },
  { path: "network", title: "Network", words: "egress allow list offline gateway hosts firewall" },
  { path: "aws", title: "AWS role", words: "amazon iam sts external id trust policy s3 cloud" },
  { path: "keys", title: "API keys", words: "token access revoke people" },
  {
    path: "audit",
    title: "Audit",
    words: "log records who what when export verify hash chain",
  },
  { path: "appearance", title: "Appearance", words: "theme dark light colours this browser" },
  { path: "server", title: "About this server", words: "doctor version health isolation checks" },
];

/** What has no form here yet: each page says what holds and how it is set. */
const IN_CONFIGURATION: readonly Omit<SettingsPageInfo, "place">[] = [
  { path: "providers", title: "Providers", words: "cloud machines limits memory modal fly vercel" },
  { path: "teams", title: "Teams", words: "members roles people organisation" },
];

/** All pages, in the order of the list. */
export function settingsPages(features: readonly string[]): SettingsPageInfo[] {
  return [
    ...HERE.map((page) => ({ ...page, place: "here" as const })),
    ...IN_CONFIGURATION.map((page) => ({
      ...page,
      place: "configuration" as const,
      isOutgrown: features.includes(page.path),
    })),
  ];
}
