import { useMutation } from "@tanstack/react-query";
import { Ban } from "lucide-react";
import { call } from "../../api/client";
import { explain } from "../../api/errors";
import { useSession } from "../../api/queries";
import { Button } from "../../ui/Button";
import { visibleBidi } from "../../ui/untrusted";
import { allowing } from "../allowing";
import type { NoteRow } from "../rows";
import { useScope } from "../useTimeline";
import { Line } from "./Line";
import styles from "./Notes.module.css";

type DeniedNote = Extract<NoteRow["note"], { type: "denied" }>;

/** A connection that was refused, with a way to allow it. */
export function Denied({ note }: { note: DeniedNote }) {
  const { agent } = useScope();
  const isAdmin = useSession().data?.admin ?? false;
  const entry = allowing(note);
  const allow = useMutation({
    mutationFn: (scope: "run" | "agent" | "environment") =>
      call("POST", `/v1/agents/${agent}/hosts`, { body: { entry, scope } }),
  });
  const times = note.count > 1 ? `, ${note.count} times` : "";
  return (
    <Line
      icon={Ban}
      tone="amber"
      title={`Not allowed: ${visibleBidi(note.host)}:${note.port}${times}`}
      {...(entry !== undefined && {
        action: (
          <div className={styles.choices}>
            <Button size="s" isDisabled={allow.isPending} onPress={() => allow.mutate("run")}>
              Allow for this run
            </Button>
            <Button size="s" isDisabled={allow.isPending} onPress={() => allow.mutate("agent")}>
              Allow for the agent
            </Button>
            {isAdmin && (
              <Button
                size="s"
                isDisabled={allow.isPending}
                onPress={() => allow.mutate("environment")}
              >
                Allow for the repository
              </Button>
            )}
          </div>
        ),
      })}
    >
      {visibleBidi(note.message)}
      {note.process && (
        <p>
          Asked by {visibleBidi(note.process.name)} (process {note.process.pid}):{" "}
          <code>{visibleBidi(note.process.command)}</code>
        </p>
      )}
      {allow.error && <p role="alert">{explain(allow.error).message}</p>}
    </Line>
  );
}
