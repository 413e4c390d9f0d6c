import { useEffect, useRef } from "react";
import type { Entry } from "./entry";
import type { Row } from "./rows";
import type { Cursor } from "./useCursor";
import type { RowActions } from "./useEntries";

/** A finding that a person wants to see; a new one each time, also of the same finding. */
export interface Goal {
  finding: string;
  repoIndex: number;
  path: string;
}

interface View {
  entries: readonly Entry[];
  rows: readonly Row[];
  actions: RowActions;
  cursor: Cursor;
}

/** Brings the goal into sight: opens its file, and goes to the finding, or to the file where its line is not shown. */
export function useGoal(goal: Goal | undefined, { entries, rows, actions, cursor }: View) {
  const reached = useRef<Goal>(undefined);
  const opened = useRef<Goal>(undefined);
  useEffect(() => {
    if (!goal || reached.current === goal) return;
    const entry = entries.find((each) => each.key === `${goal.repoIndex}:${goal.path}`);
    const index = rows.findIndex(
      (row) => row.type === "finding" && row.finding.id === goal.finding,
    );
    if (entry && index === -1 && opened.current !== goal) {
      opened.current = goal;
      actions.force(entry);
      return;
    }
    reached.current = goal;
    if (index !== -1) cursor.list.current?.scrollToIndex(index, { align: "center" });
    else if (entry) cursor.goTo(entry);
  }, [goal, entries, rows, actions, cursor]);
}
