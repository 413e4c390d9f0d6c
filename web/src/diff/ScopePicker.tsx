import { ChevronDown } from "lucide-react";
import type { Run, Schemas } from "../api/types";
import { Button } from "../ui/Button";
import { Menu, MenuItem, MenuLine } from "../ui/Menu";
import type { Scope } from "./queries";
import styles from "./ScopePicker.module.css";
import { visible } from "./segments";

interface ScopePickerProps {
  scope: Scope;
  runs: readonly Run[];
  commits: readonly Schemas["CommitBody"][];
  onChange(scope: Scope): void;
}

/** Runs and commits named in the menu. */
const LISTED = 30;

/** Which changes are shown: all, one run's, one commit's. */
export function ScopePicker({ scope, runs, commits, onChange }: ScopePickerProps) {
  const shown = scope.kind === "base" ? "base" : `${scope.kind}:${scope.id}`;
  const choose = (keys: Set<string>) => {
    const [key] = keys;
    if (key === undefined) return;
    const [kind, id = ""] = key.split(/:(.*)/s);
    onChange(kind === "run" || kind === "commit" ? { kind, id } : { kind: "base" });
  };
  return (
    <Menu
      label="Which changes"
      selectionMode="single"
      selectedKeys={[shown]}
      onSelectionChange={choose}
      trigger={
        <Button size="s" className={styles.trigger ?? ""}>
          <span className={styles.shown}>{titleOf(scope, runs, commits)}</span>
          <ChevronDown aria-hidden="true" />
        </Button>
      }
    >
      <MenuItem id="base" description="Everything since the agent started">
        All changes
      </MenuItem>
      {runs.length > 1 && <MenuLine />}
      {runs.length > 1 &&
        runs.slice(0, LISTED).map((run, index) => (
          <MenuItem key={run.id} id={`run:${run.id}`} description={firstLine(run.promptText)}>
            {`Run ${runs.length - index}`}
          </MenuItem>
        ))}
      {commits.length > 0 && <MenuLine />}
      {commits.slice(0, LISTED).map((commit) => (
        <MenuItem key={commit.id} id={`commit:${commit.id}`} description={commit.id.slice(0, 10)}>
          {visible(commit.subject) || "Commit without a message"}
        </MenuItem>
      ))}
    </Menu>
  );
}

function titleOf(
  scope: Scope,
  runs: readonly Run[],
  commits: readonly Schemas["CommitBody"][],
): string {
  if (scope.kind === "base") return "All changes";
  if (scope.kind === "run") {
    const index = runs.findIndex((run) => run.id === scope.id);
    return index === -1 ? "One run" : `Run ${runs.length - index}`;
  }
  const commit = commits.find((each) => each.id === scope.id);
  return commit ? visible(commit.subject) : `Commit ${scope.id.slice(0, 10)}`;
}

function firstLine(text: string): string {
  const line = visible(text.split("\n", 1)[0] ?? "");
  return line.length > 80 ? `${line.slice(0, 80)}…` : line;
}
