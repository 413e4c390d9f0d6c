import { ChevronLeft, ChevronRight, Download } from "lucide-react";
import { useState } from "react";
import { Link } from "react-router";
import { ApiError } from "../api/errors";
import type { AuditRecord } from "../api/types";
import { Button } from "../ui/Button";
import { CopyButton } from "../ui/CopyButton";
import { EmptyState } from "../ui/EmptyState";
import { ErrorState } from "../ui/ErrorState";
import { Select, TextField } from "../ui/Field";
import { exactCount } from "../ui/format";
import { Skeleton } from "../ui/Skeleton";
import { Time } from "../ui/Time";
import styles from "./audit/Audit.module.css";
import { useAuditHead, useAuditPage } from "./audit/queries";
import { detailsOf, KINDS, sinceOf, TIMES, whoOf } from "./audit/words";
import { Section } from "./Section";

const AGENT = /^bc-[0-9a-f-]{36}$/;

/** Who did what when, and what left: a page at a time, to be exported and checked elsewhere. */
export default function AuditPage() {
  const head = useAuditHead();
  if (head.error instanceof ApiError && head.error.status === 403) {
    return (
      <EmptyState title="The audit log is read by an administrator">
        Sign in with the installation's own key. What an agent that you opened did is on its own
        page, under Machine and Network.
      </EmptyState>
    );
  }
  return (
    <>
      <Section
        title="Audit log"
        description="Changes by people, what agents were asked, what left their machines and what was refused. Values of secrets are in none of the records."
      >
        <Records />
      </Section>
      <Section
        title="Keep and check it"
        description="Each record holds the hash of the one before. Note the end of the log somewhere else: with it, nobody can later change or cut off what was before, without it being found."
      >
        {head.isError ? (
          <ErrorState
            title="Could not read the end of the log"
            error={head.error}
            onRetry={() => void head.refetch()}
          />
        ) : (
          <Head head={head.data?.head} seq={head.data?.seq} />
        )}
      </Section>
    </>
  );
}

function Head({ head, seq }: { head: string | undefined; seq: number | undefined }) {
  if (head === undefined || seq === undefined) return <Skeleton width="60%" />;
  return (
    <>
      <p>{exactCount(seq)} records. The end of the log is</p>
      <div className={styles.head}>
        <code>{head}</code>
        <CopyButton text={head} label="Copy the end of the log" />
      </div>
      <p>
        An export is checked without this server by{" "}
        <code className={styles.command}>errand audit verify audit.jsonl --head …</code>
      </p>
      <div>
        <a className={styles.export} href="/v1/audit/export" download="audit.jsonl">
          <Download aria-hidden="true" /> Export the whole log
        </a>
      </div>
    </>
  );
}

function Records() {
  const [kind, setKind] = useState("");
  const [days, setDays] = useState("0");
  const [agent, setAgent] = useState("");
  /** Cursors of the pages before and of the one that is shown. */
  const [cursors, setCursors] = useState<readonly string[]>([]);
  const wanted = agent.trim();
  const isAgent = wanted === "" || AGENT.test(wanted);
  const filter = { kind, agent: isAgent ? wanted : "", since: sinceOf(days, Date.now()) };
  const page = useAuditPage(filter, cursors.at(-1));
  const choose = (set: (value: string) => void) => (value: string) => {
    setCursors([]);
    set(value);
  };
  const next = page.data?.nextCursor ?? undefined;
  return (
    <>
      <div className={styles.filters}>
        <Select label="What" choices={KINDS} value={kind} onChange={choose(setKind)} />
        <Select label="When" choices={TIMES} value={days} onChange={choose(setDays)} />
        <TextField
          label="Agent"
          placeholder="bc-…"
          value={agent}
          onChange={choose(setAgent)}
          error={isAgent ? undefined : "An agent's id, as its menu copies it"}
        />
      </div>
      {page.isError ? (
        <ErrorState
          title="Could not read the audit log"
          error={page.error}
          onRetry={() => void page.refetch()}
        />
      ) : (
        <List records={page.data?.items} />
      )}
      <div className={styles.pages}>
        <Button
          icon={<ChevronLeft />}
          isDisabled={cursors.length === 0}
          onPress={() => setCursors(cursors.slice(0, -1))}
        >
          Newer
        </Button>
        <Button
          icon={<ChevronRight />}
          isDisabled={next === undefined || page.isPlaceholderData}
          onPress={() => next !== undefined && setCursors([...cursors, next])}
        >
          Older
        </Button>
      </div>
    </>
  );
}

function List({ records }: { records: readonly AuditRecord[] | undefined }) {
  if (records === undefined) return <Skeleton height={240} radius={6} />;
  if (records.length === 0) return <p className={styles.none}>No records like this.</p>;
  return (
    <ul className={styles.list} aria-label="Records">
      {records.map((record) => (
        <li key={record.seq} className={styles.item}>
          <span className={styles.what}>
            <code className={styles.kind}>{record.kind}</code>
            <span className={styles.who}>{whoOf(record.who)}</span>
            <span className={styles.when}>
              <Time at={record.at} />
            </span>
          </span>
          <span className={styles.details}>{detailsOf(record)}</span>
          {record.agentId !== undefined && record.agentId !== null && (
            <Link className={styles.agent} to={`/agents/${record.agentId}/machine/network`}>
              {record.agentId.slice(0, 11)}
            </Link>
          )}
          <span className={styles.seq}>#{record.seq}</span>
        </li>
      ))}
    </ul>
  );
}
