import { type ComponentType, lazy, Suspense, useState } from "react";
import { PageSkeleton } from "./PageSkeleton";

type Load = () => Promise<{ default: ComponentType }>;

/** The code of a page, fetched when it is first opened or ahead of that. */
export class PageCode {
  #load: Load;
  #known: ComponentType | undefined;
  readonly #later = lazy(() => this.fetch());

  constructor(load: Load) {
    this.#load = load;
  }

  async fetch(): Promise<{ default: ComponentType }> {
    const code = await this.#load();
    this.#known = code.default;
    return code;
  }

  /** The page, or what waits for it. */
  get page(): ComponentType {
    return this.#known ?? this.#later;
  }
}

/**
 * A page. One whose code is there is drawn at once: a skeleton shown for a moment would stay for
 * React's 300 ms, though nothing is waited for.
 */
export function LazyPage({ code }: { code: PageCode }) {
  const [Page] = useState(() => code.page);
  return (
    <Suspense fallback={<PageSkeleton />}>
      <Page />
    </Suspense>
  );
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
