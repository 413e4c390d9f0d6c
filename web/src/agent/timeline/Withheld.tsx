import { useMutation } from "@tanstack/react-query";
import { ShieldAlert } from "lucide-react";
import { call } from "../../api/client";
import { explain } from "../../api/errors";
import { Button } from "../../ui/Button";
import { visibleBidi } from "../../ui/untrusted";
import type { NoteRow } from "../rows";
import { useScope } from "../useTimeline";
import { Line } from "./Line";
import styles from "./Notes.module.css";

type WithheldNote = Extract<NoteRow["note"], { type: "withheld" }>;

/** A configuration that nobody reviewed, with a way to allow it. */
export function Withheld({ note }: { note: WithheldNote }) {
  const { agent } = useScope();
  const { digest, url, isStranger, isAllowed } = note;
  const allow = useMutation({
    mutationFn: () => call("POST", `/v1/agents/${agent}/configuration`, { body: { digest } }),
  });
  return (
    <Line
      icon={ShieldAlert}
      tone="amber"
      title="Secrets are withheld"
      {...(!isAllowed && {
        action: (
          <div className={styles.choices}>
            <Button size="s" isDisabled={allow.isPending} onPress={() => allow.mutate()}>
              Allow this configuration
            </Button>
          </div>
        ),
      })}
    >
      {isStranger
        ? "The agent starts from a commit that no branch is known to have"
        : "Environment file or instructions are not what the default branch has"}
      , in {visibleBidi(url)}. It works without secrets until somebody who read them allows what is
      there (<code>{digest}</code>).
      {allow.error && <p role="alert">{explain(allow.error).message}</p>}
    </Line>
  );
}
