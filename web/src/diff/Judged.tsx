import { CircleCheck, CircleX, ShieldAlert, TriangleAlert } from "lucide-react";
import { Badge } from "../ui/Badge";
import { duration, money, plural } from "../ui/format";
import { BY, type Evidence, endedOf, factsOf } from "./evidence";
import { type Finding, type Review, RISK, SEVERITY, whereOf } from "./findings";
import styles from "./Judged.module.css";
import { visible } from "./segments";
import { Why } from "./Why";

/** How carefully to look, with the sum's parts. */
export function Risk({ review }: { review: Review | null | undefined }) {
  if (!review) {
    return (
      <Badge tone="red" icon={<ShieldAlert aria-hidden="true" />}>
        Not judged: read all of it
      </Badge>
    );
  }
  const { tone, word, advice } = RISK[review.score.band];
  return (
    <span title={advice}>
      <Badge tone={tone} icon={<ShieldAlert aria-hidden="true" />}>
        {word} · {plural(review.score.points, "point")}
      </Badge>
    </span>
  );
}

interface FindingListProps {
  review: Review;
  findings: readonly Finding[];
  onGo(finding: Finding): void;
}

/** All findings, each of which leads to its line. */
export function FindingList({ review, findings, onGo }: FindingListProps) {
  const total = findings.length + (review.moreFindings ?? 0);
  const alarms = findings.filter(({ severity }) => severity !== "info").length;
  return (
    <details className={styles.section} open={alarms > 0}>
      <summary>{total === 0 ? "No findings" : plural(total, "finding")}</summary>
      <p className={styles.note}>{RISK[review.score.band].advice}</p>
      {review.score.factors.length > 0 && (
        <p className={styles.note}>
          {review.score.factors.map(({ rule, points }) => `${rule} ${points}`).join(" + ")} ={" "}
          {review.score.points}
        </p>
      )}
      {findings.length > 0 && (
        <ul className={styles.list} aria-label="Findings">
          {findings.map((finding) => (
            <li key={finding.id}>
              <FindingItem finding={finding} onGo={onGo} />
            </li>
          ))}
        </ul>
      )}
      {(review.moreFindings ?? 0) > 0 && (
        <p className={styles.note}>{review.moreFindings} more are not listed.</p>
      )}
      {(review.unreadFiles ?? 0) > 0 && (
        <p className={styles.warning}>
          {plural(review.unreadFiles ?? 0, "file")} too large or too many to be read: no rule saw
          them.
        </p>
      )}
    </details>
  );
}

function FindingItem({ finding, onGo }: { finding: Finding; onGo(finding: Finding): void }) {
  const { tone, word } = SEVERITY[finding.severity];
  const text = (
    <>
      <Badge tone={tone}>{word}</Badge>
      <span className={styles.words}>
        <code>{visible(whereOf(finding))}</code> <Why text={finding.title} />
      </span>
    </>
  );
  if (finding.path === "") return <span className={styles.item}>{text}</span>;
  return (
    <button type="button" className={styles.item} onClick={() => onGo(finding)}>
      {text}
    </button>
  );
}

/** What was run and claimed, and what else a reviewer should know. */
export function EvidenceList({ evidence }: { evidence: Evidence }) {
  const facts = factsOf(evidence);
  const cost = evidence.costMicros ? ` · ${money(evidence.costMicros / 10_000)}` : "";
  return (
    <details className={styles.section}>
      <summary>
        Evidence: {plural(evidence.commands.length + (evidence.moreCommands ?? 0), "command")}
        {evidence.unproven.length > 0 && `, ${plural(evidence.unproven.length, "unproven claim")}`}
      </summary>
      {evidence.commands.length === 0 && (
        <p className={styles.warning}>
          No command was run after the last change, so nothing here was tested.
        </p>
      )}
      <ul className={styles.list} aria-label="Commands after the last change">
        {evidence.commands.map((run, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the same command may have run twice
          <li key={index} className={styles.item}>
            <CommandBadge run={run} />
            <span className={styles.words}>
              <code>{visible(run.command)}</code>{" "}
              <span className={styles.by}>
                {duration(run.durationMs)}, {BY[run.by]}
              </span>
            </span>
          </li>
        ))}
      </ul>
      {evidence.unproven.length > 0 && (
        <ul className={styles.list} aria-label="Claims that nothing shows">
          {evidence.unproven.map((claim) => (
            <li key={claim.text} className={styles.item}>
              <Badge tone="amber" icon={<TriangleAlert aria-hidden="true" />}>
                Claimed
              </Badge>
              <span className={styles.words}>
                <del>{visible(claim.text)}</del> <span className={styles.by}>{claim.why}</span>
              </span>
            </li>
          ))}
        </ul>
      )}
      {facts.length > 0 && (
        <ul className={styles.facts} aria-label="Also to know">
          {facts.map((fact) => (
            <li key={fact}>{visible(fact)}</li>
          ))}
        </ul>
      )}
      <p className={styles.note}>
        {duration(evidence.durationMs)}
        {cost}
      </p>
    </details>
  );
}

function CommandBadge({ run }: { run: Evidence["commands"][number] }) {
  const { tone, word } = endedOf(run);
  const Icon = tone === "green" ? CircleCheck : CircleX;
  return (
    <Badge tone={tone} icon={<Icon aria-hidden="true" />}>
      {word}
    </Badge>
  );
}
