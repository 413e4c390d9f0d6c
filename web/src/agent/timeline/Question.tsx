import { useMutation } from "@tanstack/react-query";
import { CircleHelp, ClipboardList, Globe } from "lucide-react";
import { memo, useState } from "react";
import { call } from "../../api/client";
import { explain } from "../../api/errors";
import { Button } from "../../ui/Button";
import { cx } from "../../ui/cx";
import { TextArea } from "../../ui/Field";
import { Markdown } from "../../ui/Markdown";
import { Time } from "../../ui/Time";
import { visibleBidi } from "../../ui/untrusted";
import type { QuestionRow } from "../rows";
import { useScope } from "../useTimeline";
import type { QuestionBody } from "../wire";
import styles from "./Question.module.css";

const KINDS = {
  plan_approval: { Icon: ClipboardList, title: "A plan for you to approve" },
  question: { Icon: CircleHelp, title: "The agent asks you" },
  allow_request: { Icon: Globe, title: "May the agent reach this?" },
};

/** Something a person is asked, answered in its place. */
export const Question = memo(function Question({ row }: { row: QuestionRow }) {
  const { asked, answer, closed } = row;
  const { Icon, title } = KINDS[asked?.kind ?? "question"];
  const isOpen = asked !== undefined && !answer && !closed;
  return (
    <section className={cx(styles.card, isOpen && styles.open)} aria-label={title}>
      <div className={styles.title}>
        <Icon aria-hidden="true" />
        {title}
        <Time at={row.at} className={styles.time ?? ""} />
      </div>
      {asked && <Markdown text={asked.text} />}
      {isOpen && <Answer asked={asked} />}
      {answer && (
        <p className={styles.answer}>
          <span className={styles.who}>{answer.principal}</span>{" "}
          {said(asked, answer.text, answer.principal)}
        </p>
      )}
      {closed && !answer && <p className={styles.answer}>The run ended before anybody answered.</p>}
    </section>
  );
});

function said(asked: QuestionBody | undefined, text: string, principal: string): string {
  if (asked?.kind === "plan_approval" && text === "approve") return "approved the plan.";
  if (asked?.kind === "plan_approval" && text === "reject") return "did not approve the plan.";
  const verb = principal === "default" ? "Nobody answered in time, so this holds" : "answered";
  return `${verb}: ${visibleBidi(text)}`;
}

function Answer({ asked }: { asked: QuestionBody }) {
  const { agent } = useScope();
  const [text, setText] = useState("");
  const send = useMutation({
    mutationFn: (answer: string) =>
      call("POST", `/v1/agents/${agent}/questions/${asked.question}`, { body: { answer } }),
  });
  const isPlan = asked.kind === "plan_approval";
  const isBusy = send.isPending || send.isSuccess;
  const own = text.trim();
  return (
    <div className={styles.form}>
      <div className={styles.options}>
        {asked.options.map((option, at) => (
          <Button
            key={option}
            variant={isPlan && at === 0 ? "primary" : "secondary"}
            isDisabled={isBusy}
            onPress={() => send.mutate(option)}
          >
            {isPlan ? (PLAN_WORDS[option] ?? option) : visibleBidi(option)}
          </Button>
        ))}
      </div>
      <form
        className={styles.own}
        onSubmit={(event) => {
          event.preventDefault();
          if (own !== "") send.mutate(own);
        }}
      >
        <TextArea
          label={isPlan ? "What should be different" : "Your own answer"}
          hideLabel
          rows={1}
          value={text}
          onChange={setText}
          placeholder={isPlan ? "Or say what to change" : "Or in your own words"}
          isDisabled={isBusy}
          className={styles.text ?? ""}
        />
        <Button type="submit" isDisabled={own === "" || isBusy} isPending={send.isPending}>
          Answer
        </Button>
      </form>
      <p className={styles.fine}>
        {isPlan
          ? "Without an answer the plan is not carried out."
          : `Without an answer until ${new Date(asked.deadlineMs).toLocaleString()} this holds: ${visibleBidi(asked.default)}`}
      </p>
      {send.isError && (
        <p className={styles.error} role="alert">
          {explain(send.error).message}
        </p>
      )}
    </div>
  );
}

const PLAN_WORDS: Record<string, string> = {
  approve: "Approve and carry out",
  reject: "Do not carry out",
};
