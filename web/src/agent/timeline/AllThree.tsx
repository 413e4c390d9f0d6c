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

type AllThreeNote = Extract<NoteRow["note"], { type: "allThree" }>;

const TITLES = {
  narrow: "Sending is closed",
  ask: "Sending waits for you",
  allow: "What this agent reads could have it send secrets",
} as const;

/** Untrusted text, secrets and a way out in one agent: what is done about it, with a way to allow it. */
export function AllThree({ note }: { note: AllThreeNote }) {
  const { agent } = useScope();
  const { reading, legs, isAllowed } = note;
  const { integrity, source } = reading;
  const isClosed = legs.whenAllThree !== "allow";
  const allow = useMutation({
    mutationFn: () => call("POST", `/v1/agents/${agent}/flow`, { body: { integrity } }),
  });
  return (
    <Line
      icon={ShieldAlert}
      tone="amber"
      title={TITLES[legs.whenAllThree]}
      {...(isClosed &&
        !isAllowed && {
          action: (
            <div className={styles.choices}>
              <Button size="s" isDisabled={allow.isPending} onPress={() => allow.mutate()}>
                Allow sending
              </Button>
            </div>
          ),
        })}
    >
      The agent read {visibleBidi(source)}, which nobody here wrote, and has secrets (
      <code>{legs.secrets.join(", ")}</code>).{" "}
      {isClosed
        ? "From here on it only reads from hosts, and sends where it uses a grant. Closed to it: "
        : "It may send all the same, to "}
      <code>{visibleBidi(legs.outward.join(", "))}</code>.
      {allow.error && <p role="alert">{explain(allow.error).message}</p>}
    </Line>
  );
}
