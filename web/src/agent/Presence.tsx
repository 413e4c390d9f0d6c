import { Button as AriaButton } from "react-aria-components";
import { Tooltip } from "../ui/Tooltip";
import styles from "./AgentHeader.module.css";
import { useSituation } from "./useTimeline";

/** Faces shown at most. */
const FACES = 4;

/** Who else looks at this agent. */
export function Presence() {
  const { watchers } = useSituation();
  const others = watchers.filter((watcher) => !watcher.you || watcher.count > 1);
  if (others.length === 0) return null;
  const words = others.map(({ name, count, you }) => {
    const places = count > 1 ? ` in ${count} places` : "";
    return you ? `You${places}` : `${name}${places}`;
  });
  return (
    <Tooltip text={`Watching: ${words.join(", ")}`}>
      <AriaButton className={styles.presence ?? ""} aria-label={`Watching: ${words.join(", ")}`}>
        {others.slice(0, FACES).map(({ name }) => (
          <span key={name} className={styles.face} aria-hidden="true">
            {name.slice(0, 1)}
          </span>
        ))}
        {others.length > FACES && (
          <span className={styles.face} aria-hidden="true">
            +{others.length - FACES}
          </span>
        )}
      </AriaButton>
    </Tooltip>
  );
}
