import { Eye, Hand, Keyboard, RotateCw, TerminalSquare, Unplug } from "lucide-react";
import type { ReactNode } from "react";
import { useSession } from "../../api/queries";
import { Button } from "../../ui/Button";
import { cx } from "../../ui/cx";
import { plural } from "../../ui/format";
import styles from "./SessionBar.module.css";
import type { SessionState } from "./session";

interface SessionBarProps {
  state: SessionState;
  onTake(): void;
  onRelease(): void;
  onRetry(): void;
}

/** Who types, who looks, and how to change that. */
export function SessionBar({ state, onTake, onRelease, onRetry }: SessionBarProps) {
  const me = useSession().data?.principal;
  const { icon, text, button, isMine } = barOf(state, me, { onTake, onRelease, onRetry });
  const others = state.viewers.reduce((sum, viewer) => sum + viewer.count, 0) - 1;
  const names = state.viewers.map(({ name, count }) => (count > 1 ? `${name} (${count})` : name));
  return (
    <div className={cx(styles.bar, isMine && styles.mine)}>
      <span className={styles.who} role="status">
        {icon}
        {text}
      </span>
      {state.problem !== undefined && <span className={styles.problem}>{state.problem}</span>}
      <span className={styles.end}>
        {others > 0 && (
          <span className={styles.viewers} title={names.join(", ")}>
            <Eye aria-hidden="true" />
            {plural(others, "other window")}
          </span>
        )}
        {button}
      </span>
    </div>
  );
}

interface Bar {
  icon: ReactNode;
  text: string;
  button?: ReactNode;
  isMine?: boolean;
}

type Actions = Pick<SessionBarProps, "onTake" | "onRelease" | "onRetry">;

function barOf(state: SessionState, me: string | undefined, actions: Actions): Bar {
  const retry = (
    <Button size="s" icon={<RotateCw />} onPress={actions.onRetry}>
      Connect again
    </Button>
  );
  switch (state.status) {
    case "connecting":
      return { icon: <Unplug aria-hidden="true" />, text: "Connecting…" };
    case "waiting":
      return {
        icon: <Unplug aria-hidden="true" />,
        text: "The connection was lost. Trying again…",
        button: retry,
      };
    case "refused":
      return { icon: <Unplug aria-hidden="true" />, text: "Not connected.", button: retry };
    case "ended": {
      const how = typeof state.exitCode === "number" ? ` with code ${state.exitCode}` : "";
      return {
        icon: <TerminalSquare aria-hidden="true" />,
        text: `The program in this terminal ended${how}.`,
      };
    }
    case "open":
      return openBar(state, me, actions);
  }
}

function openBar(state: SessionState, me: string | undefined, actions: Actions): Bar {
  if (state.you) {
    return {
      icon: <Keyboard aria-hidden="true" />,
      text: "You are typing",
      isMine: true,
      button: (
        <Button size="s" icon={<Hand />} onPress={actions.onRelease}>
          Hand back
        </Button>
      ),
    };
  }
  const who =
    state.writer === me ? "You are typing in another window" : `${state.writer} is typing`;
  return {
    icon: <Eye aria-hidden="true" />,
    text: state.writer === null ? "Read only" : `${who} · read only here`,
    button: (
      <Button size="s" icon={<Keyboard />} onPress={actions.onTake}>
        Take over
      </Button>
    ),
  };
}
