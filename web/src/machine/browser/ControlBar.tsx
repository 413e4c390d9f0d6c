import { Eye, Hand, MousePointerClick, RotateCw, Unplug } from "lucide-react";
import type { ReactNode, Ref } from "react";
import { useSession } from "../../api/queries";
import { Button } from "../../ui/Button";
import { cx } from "../../ui/cx";
import { plural } from "../../ui/format";
import styles from "./ControlBar.module.css";
import type { SessionState } from "./session";

interface ControlBarProps {
  state: SessionState;
  /** Holds the button that changes it. */
  barRef: Ref<HTMLDivElement>;
  onTake(): void;
  onRelease(): void;
  onRetry(): void;
}

/** Who has control, who looks on, and how to change that. */
export function ControlBar({ state, barRef, onTake, onRelease, onRetry }: ControlBarProps) {
  const me = useSession().data?.principal;
  const others = state.viewers.reduce((sum, viewer) => sum + viewer.count, 0) - 1;
  const names = state.viewers.map(({ name, count }) => (count > 1 ? `${name} (${count})` : name));
  const isOpen = state.status === "open";
  return (
    <div ref={barRef} className={styles.bar}>
      {others > 0 && isOpen && (
        <span className={styles.viewers} title={names.join(", ")}>
          <Eye aria-hidden="true" />
          {plural(others, "other window")}
        </span>
      )}
      <span className={cx(styles.who, state.you && styles.mine)} role="status">
        {iconOf(state)}
        {textOf(state, me)}
      </span>
      {isOpen && state.you && (
        <Button size="s" icon={<Hand />} onPress={onRelease}>
          Hand back
        </Button>
      )}
      {isOpen && !state.you && (
        <Button size="s" variant="primary" icon={<MousePointerClick />} onPress={onTake}>
          Take control
        </Button>
      )}
      {(state.status === "waiting" || state.status === "refused") && (
        <Button size="s" icon={<RotateCw />} onPress={onRetry}>
          Connect again
        </Button>
      )}
    </div>
  );
}

function iconOf(state: SessionState): ReactNode {
  if (state.status !== "open") return <Unplug aria-hidden="true" />;
  return state.you ? <MousePointerClick aria-hidden="true" /> : <Eye aria-hidden="true" />;
}

function textOf(state: SessionState, me: string | undefined): string {
  switch (state.status) {
    case "connecting":
      return "Connecting…";
    case "waiting":
      return "The connection was lost. Trying again…";
    case "refused":
      return "Not connected.";
    case "ended":
      return "The browser ended.";
    case "open":
      if (state.you) return "You have control";
      if (state.writer === null) return "Read only";
      return state.writer === me
        ? "You have control in another window"
        : `${state.writer} has control`;
  }
}
