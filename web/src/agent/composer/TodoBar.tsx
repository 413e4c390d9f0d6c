import { ChevronRight, ListTodo } from "lucide-react";
import { visibleBidi } from "../../ui/untrusted";
import { Todos } from "../timeline/Todos";
import { useHead, useOpening } from "../useTimeline";
import styles from "./TodoBar.module.css";

/** The agent's to-do list, always in sight while it is being worked on. */
export function TodoBar() {
  const { todos: list, active } = useHead();
  const [isOpen, open] = useOpening("todos", false);
  if (!list || list.todos.length === 0 || list.run !== active?.run) return null;
  const done = list.todos.filter(({ state }) => state === "done").length;
  const current = list.todos.find(({ state }) => state === "in_progress");
  return (
    <section className={styles.bar} aria-label="To-do list">
      <button
        type="button"
        className={styles.head}
        aria-expanded={isOpen}
        onClick={() => open(!isOpen)}
      >
        <ListTodo aria-hidden="true" />
        <span className={styles.count}>
          {done} of {list.todos.length} done
        </span>
        {current && !isOpen && <span className={styles.current}>{visibleBidi(current.text)}</span>}
        <progress
          className={styles.progress}
          max={list.todos.length}
          value={done}
          aria-label="Done"
        />
        <ChevronRight className={styles.chevron} aria-hidden="true" />
      </button>
      {isOpen && (
        <div className={styles.list}>
          <Todos todos={list.todos} />
        </div>
      )}
    </section>
  );
}
