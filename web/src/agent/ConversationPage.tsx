import { useAgent } from "../api/queries";
import { Banner } from "../ui/ErrorState";
import { BuildBox } from "./BuildBox";
import styles from "./ConversationPage.module.css";
import { Composer } from "./composer/Composer";
import { Queue } from "./composer/Queue";
import { TodoBar } from "./composer/TodoBar";
import { TimelineView } from "./timeline/TimelineView";
import { useHead, useScope, useSituation } from "./useTimeline";

/** What was said and done, and where to say more. */
export default function ConversationPage() {
  const { agent } = useScope();
  const head = useHead();
  const known = useAgent(agent).data;
  const { refused } = useSituation();
  return (
    <div className={styles.page}>
      <h2 className="visually-hidden">Conversation</h2>
      <TimelineView />
      <div className={styles.dock}>
        {refused !== undefined && <Banner tone="red">{refused}</Banner>}
        <div className={styles.box}>
          <TodoBar />
          <Queue />
          {head.deleted ? (
            <p className={styles.closed}>This agent was deleted.</p>
          ) : head.isBuild ? (
            <BuildBox />
          ) : (
            <Composer key={agent} isArchived={head.archived ?? known?.status === "ARCHIVED"} />
          )}
        </div>
      </div>
    </div>
  );
}
