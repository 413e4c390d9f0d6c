import { useMemo } from "react";
import { useMatch, useNavigate } from "react-router";
import { useRepositories, useServer } from "../api/queries";
import { repositoryName } from "../api/status";
import { settingsPages } from "../settings/pages";
import type { Command } from "./commands";
import { useShellDialogs } from "./dialogs";
import { signOut } from "./session";
import { setTheme } from "./theme";

/** Everything the palette offers besides agents. */
export function useCommands(): Command[] {
  const navigate = useNavigate();
  const dialogs = useShellDialogs();
  const id = useMatch("/agents/:id/*")?.params.id;
  const repositories = useRepositories().data;
  const features = useServer().data?.features;
  return useMemo(() => {
    const go = (to: string) => () => void navigate(to);
    return [
      {
        id: "new",
        label: "New agent",
        words: "start launch errand task run background cloud",
        shortcut: "mod+e",
        run: go("/new"),
      },
      {
        id: "home",
        label: "All cloud agents",
        words: "background agents home list overview",
        run: go("/"),
      },
      ...(id === undefined ? [] : agentCommands(id, go)),
      ...settingsPages(features ?? []).map(({ path, title, words }) => ({
        id: `settings ${path}`,
        label: `Settings: ${title}`,
        words,
        run: go(`/settings/${path}`),
      })),
      ...(repositories ?? []).map(({ url }) => ({
        id: `in ${url}`,
        label: `New agent in ${repositoryName(url)}`,
        words: url,
        run: () => void navigate("/new", { state: { repository: url } }),
      })),
      themeCommand("Dark colours", "dark"),
      themeCommand("Light colours", "light"),
      themeCommand("Colours of this device", "system"),
      {
        id: "welcome",
        label: "First steps",
        words: "welcome wizard start help",
        run: go("/welcome"),
      },
      {
        id: "help",
        label: "Keyboard and help",
        words: "shortcuts keys background agents",
        shortcut: "?",
        run: () => dialogs.open("help"),
      },
      {
        id: "out",
        label: "Sign out",
        words: "log off leave",
        run: () => void signOut().then(go("/sign-in")),
      },
    ];
  }, [navigate, dialogs, id, repositories, features]);
}

function agentCommands(id: string, go: (to: string) => () => void): Command[] {
  const tabs = [
    ["Conversation", "", "chat timeline"],
    ["Changes", "/changes", "diff files review"],
    ["Machine", "/machine", "terminal files ports browser artifacts usage"],
  ] as const;
  return tabs.map(([label, path, words]) => ({
    id: `tab ${label}`,
    label: `This agent: ${label}`,
    words,
    run: go(`/agents/${id}${path}`),
  }));
}

function themeCommand(label: string, theme: "dark" | "light" | "system"): Command {
  return { id: `theme ${theme}`, label, words: "theme appearance", run: () => setTheme(theme) };
}
