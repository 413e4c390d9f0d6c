import { useMutation } from "@tanstack/react-query";
import { call } from "../api/client";
import { explain } from "../api/errors";
import { queryClient, useAgent } from "../api/queries";
import type { FlowBody } from "../api/types";
import { Button } from "../ui/Button";
import { visibleBidi } from "../ui/untrusted";
import styles from "./NetworkPage.module.css";

/** What comes of the three, in words. */
const STATES: Record<FlowBody["state"], string> = {
  apart: "It does not have all three, so nothing is closed.",
  closed: "It has all three: it only reads from these hosts, and sends where it uses a grant.",
  waiting: "It has all three, and sends nothing until somebody allows it.",
  allowed: "It has all three, and may send.",
  recorded: "It has all three, and may send: an administrator wants that recorded only.",
};

/** What the agent has read, which secrets it had, and where it could carry data; with a way to allow that. */
export function Flow({ agent }: { agent: string }) {
  const flow = useAgent(agent).data?.flow;
  const allow = useMutation({
    mutationFn: () =>
      call("POST", `/v1/agents/${agent}/flow`, { body: { integrity: flow?.integrity } }),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ["agent", agent] }),
  });
  if (flow === undefined || flow.readings.length === 0) return null;
  const rows = [
    { what: "Has read", words: flow.readings.map(({ source }) => source) },
    { what: "Secrets", words: flow.secrets },
    { what: "Ways out", words: flow.outward },
  ];
  return (
    <section className={styles.card}>
      <h2 className={styles.title}>What it read, and what it could carry out</h2>
      <ul className={styles.list} aria-label="What it read, and what it could carry out">
        {rows.map(({ what, words }) => (
          <li key={what} className={styles.item}>
            <span className={styles.name}>{what}</span>
            <span className={styles.detail}>
              {words.length === 0 ? "none" : visibleBidi(words.join(", "))}
            </span>
          </li>
        ))}
      </ul>
      <p>
        {STATES[flow.state]}
        {flow.allowedBy && ` ${flow.allowedBy} allowed that.`}
      </p>
      {(flow.state === "closed" || flow.state === "waiting") && (
        <div className={styles.choices}>
          <Button size="s" isDisabled={allow.isPending} onPress={() => allow.mutate()}>
            Allow sending
          </Button>
        </div>
      )}
      {allow.isError && <p role="alert">{explain(allow.error).message}</p>}
    </section>
  );
}
