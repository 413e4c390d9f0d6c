import { ListTree } from "lucide-react";
import type { Run } from "../../api/types";
import { IconButton } from "../../ui/Button";
import { duration } from "../../ui/format";
import { Menu, MenuItem } from "../../ui/Menu";
import { titleOf, useRuns } from "../useRuns";
import { useHead } from "../useTimeline";
import { STATUS } from "../words";
import styles from "./RunsMenu.module.css";

/** Jumps to where a run began, however far back. */
export function RunsMenu({ onGo }: { onGo(key: string, seq: number | undefined): void }) {
  const head = useHead();
  const runs = useRuns();
  const items = (runs.data ?? []).filter((run) => !head.queue.some((row) => row.run === run.id));
  if (items.length < 2) return null;
  return (
    <div className={styles.place}>
      <Menu
        label="Runs"
        placement="bottom end"
        trigger={
          <IconButton label="Jump to a run" variant="secondary" size="s" icon={<ListTree />} />
        }
      >
        {items.map((run) => (
          <MenuItem
            key={run.id}
            description={about(run)}
            onAction={() => onGo(`prompt:${run.id}`, run.firstSeq ?? undefined)}
          >
            {titleOf(run)}
          </MenuItem>
        ))}
      </Menu>
    </div>
  );
}

function about(run: Run): string {
  const status = STATUS[run.status]?.word ?? run.status;
  return run.durationMs == null ? status : `${status} after ${duration(run.durationMs)}`;
}
