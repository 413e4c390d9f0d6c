import { type ComponentType, useLayoutEffect, useState, useSyncExternalStore } from "react";
import { PageSkeleton } from "./PageSkeleton";

type Load = () => Promise<{ default: ComponentType }>;

/** The code of a page, fetched when it is first opened or ahead of that. */
export class PageCode {
  readonly #load: Load;
  readonly #listeners = new Set<() => void>();
  #page: ComponentType | undefined;

  constructor(load: Load) {
    this.#load = load;
  }

  /** Fetches the code; nothing more once it is there. */
  async fetch(): Promise<void> {
    this.#page ??= (await this.#load()).default;
    for (const listener of this.#listeners) listener();
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** The page, once its code is there. */
  get page(): ComponentType | undefined {
    return this.#page;
  }
}

/**
 * A page, or what waits for it. Not by React's own waiting: that would show a skeleton for 300 ms, even
 * where the code came a moment after it.
 */
export function LazyPage({ code }: { code: PageCode }) {
  const Page = useSyncExternalStore(code.subscribe, () => code.page);
  const [failure, setFailure] = useState<{ error: unknown }>();
  useLayoutEffect(() => {
    code.fetch().catch((error: unknown) => setFailure({ error }));
  }, [code]);
  if (failure !== undefined) throw failure.error;
  return Page === undefined ? <PageSkeleton /> : <Page />;
}

/** Every page, by what it shows. */
export const pages = {
  signIn: new PageCode(() => import("../settings/SignInPage")),
  home: new PageCode(() => import("../home/HomePage")),
  new: new PageCode(() => import("../home/NewPage")),
  welcome: new PageCode(() => import("../home/WelcomePage")),
  agent: new PageCode(() => import("../agent/AgentPage")),
  conversation: new PageCode(() => import("../agent/ConversationPage")),
  changes: new PageCode(() => import("../diff/ChangesPage")),
  machine: new PageCode(() => import("../machine/MachinePage")),
  pullRequest: new PageCode(() => import("../diff/PullRequestPage")),
  settings: new PageCode(() => import("../settings/SettingsPage")),
};
