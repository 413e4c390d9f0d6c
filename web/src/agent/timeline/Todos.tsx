import { Circle, CircleCheck, CircleDot, CircleSlash } from "lucide-react";
import { cx } from "../../ui/cx";
import { visibleBidi } from "../../ui/untrusted";
import type { Todo } from "../wire";
import styles from "./Todos.module.css";

const STATES = {
  pending: { Icon: Circle, word: "To do" },
  in_progress: { Icon: CircleDot, word: "In progress" },
  done: { Icon: CircleCheck, word: "Done" },
  dropped: { Icon: CircleSlash, word: "Given up" },
};

/** A to-do list as the agent keeps it. */
export function Todos({ todos }: { todos: Todo[] }) {
  return (
    <ul className={styles.todos}>
      {todos.map((todo, at) => {
        const { Icon, word } = STATES[todo.state] ?? STATES.pending;
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: entries have no other name
          <li key={at} className={cx(styles.todo, styles[todo.state])}>
            <Icon aria-label={word} role="img" />
            <span>{visibleBidi(String(todo.text))}</span>
          </li>
        );
      })}
    </ul>
  );
}
