import { useMutation, useQuery } from "@tanstack/react-query";
import { Globe } from "lucide-react";
import { type ReactNode, useState } from "react";
import { allowing } from "../agent/allowing";
import { titleOf, useRuns } from "../agent/useRuns";
import { api, call, unwrap } from "../api/client";
import { explain } from "../api/errors";
import type { Denials, Traffic } from "../api/types";
import { Button } from "../ui/Button";
import { EmptyState } from "../ui/EmptyState";
import { ErrorState } from "../ui/ErrorState";
import { Select } from "../ui/Field";
import { bytes, exactCount, plural } from "../ui/format";
import { Skeleton } from "../ui/Skeleton";
import { Time } from "../ui/Time";
import { visibleBidi } from "../ui/untrusted";
import { Flow } from "./Flow";
import styles from "./NetworkPage.module.css";
import { countsOf, placeOf } from "./network";

const EVERY_MS = 10_000;
/** The choice for what left in all, and for what left between runs. */
const ALL = "all";
const BETWEEN = "between";

/** What left the agent's machines, also those that are gone: hosts, what was refused, uses of credentials. */
export function NetworkPage({ agent }: { agent: string }) {
  const [chosen, choose] = useState(ALL);
  const runs = useRuns();
  const traffic = useQuery({
    queryKey: ["agent", agent, "traffic"],
    queryFn: () => unwrap(api.GET("/v1/agents/{id}/traffic", { params: { path: { id: agent } } })),
    refetchInterval: EVERY_MS,
    staleTime: 0,
  });
  if (traffic.isPending) {
    return (
      <div className={styles.page} role="status" aria-label="Loading what left">
        <Skeleton height={180} radius={8} />
      </div>
    );
  }
  if (traffic.data === undefined) {
    return (
      <ErrorState
        title="Could not load what left"
        error={traffic.error}
        onRetry={() => void traffic.refetch()}
      />
    );
  }
  const { total, runs: byRun } = traffic.data;
  if (byRun.length === 0) {
    return (
      <div className={styles.page}>
        <Flow agent={agent} />
        <EmptyState icon={<Globe aria-hidden="true" />} title="Nothing left yet">
          Every connection out of the machine is counted here, with what was refused and where
          credentials were used. It stays when the machine is gone.
        </EmptyState>
      </div>
    );
  }
  const titles = new Map(runs.data?.map((run) => [run.id, titleOf(run)]));
  const choices = [
    { id: ALL, label: "All runs" },
    ...byRun.map(({ runId }) => ({
      id: runId ?? BETWEEN,
      label: runId ? (titles.get(runId) ?? runId) : "Between runs",
    })),
  ];
  const shown = byRun.find(({ runId }) => (runId ?? BETWEEN) === chosen) ?? total;
  return (
    <div className={styles.page}>
      <div className={styles.top}>
        <p className={styles.sum}>
          {plural(shown.requests, "request")}, {bytes(shown.bytesUp)} sent, {bytes(shown.bytesDown)}{" "}
          received
        </p>
        {byRun.length > 1 && (
          <Select label="Run" hideLabel choices={choices} value={chosen} onChange={choose} />
        )}
      </div>
      <Flow agent={agent} />
      <Hosts traffic={shown} />
      <Refused agent={agent} denials={shown.denials} />
      <Credentials traffic={shown} />
    </div>
  );
}

function Card({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className={styles.card}>
      <h2 className={styles.title}>{title}</h2>
      {children}
    </section>
  );
}

function Hosts({ traffic }: { traffic: Traffic }) {
  return (
    <Card title="Hosts">
      {traffic.hosts.length === 0 && <p className={styles.none}>Nothing was sent.</p>}
      <ul className={styles.list} aria-label="Hosts">
        {traffic.hosts.map((host) => (
          <li key={`${host.host}:${host.port}`} className={styles.item}>
            <span className={styles.name}>{visibleBidi(placeOf(host))}</span>
            <span className={styles.detail}>{countsOf(host.methods)}</span>
            <span className={styles.figures}>
              {bytes(host.bytesUp)} sent, {bytes(host.bytesDown)} received
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}

function Refused({ agent, denials }: { agent: string; denials: readonly Denials[] }) {
  if (denials.length === 0) return null;
  return (
    <Card title="Refused">
      <ul className={styles.list} aria-label="Refused">
        {denials.map((denial) => (
          <Refusal key={`${denial.host}:${denial.port} ${denial.code}`} {...{ agent, denial }} />
        ))}
      </ul>
    </Card>
  );
}

function Refusal({ agent, denial }: { agent: string; denial: Denials }) {
  const entry = denial.host === "*" ? undefined : allowing(denial);
  const allow = useMutation({
    mutationFn: (scope: "run" | "agent") =>
      call("POST", `/v1/agents/${agent}/hosts`, { body: { entry, scope } }),
  });
  return (
    <li className={styles.item}>
      <span className={styles.name}>{visibleBidi(placeOf(denial))}</span>
      <span className={styles.detail}>
        <code>{denial.code}</code>, {plural(denial.count, "time")}, last <Time at={denial.lastAt} />
      </span>
      {entry !== undefined && (
        <span className={styles.choices}>
          <Button size="s" isDisabled={allow.isPending} onPress={() => allow.mutate("run")}>
            Allow for this run
          </Button>
          <Button size="s" isDisabled={allow.isPending} onPress={() => allow.mutate("agent")}>
            Allow for the agent
          </Button>
        </span>
      )}
      {allow.isSuccess && <span role="status">Allowed from now on.</span>}
      {allow.isError && <span role="alert">{explain(allow.error).message}</span>}
    </li>
  );
}

function Credentials({ traffic }: { traffic: Traffic }) {
  if (traffic.grants.length === 0) return null;
  return (
    <Card title="Credentials used">
      <ul className={styles.list} aria-label="Credentials used">
        {traffic.grants.map((used) => (
          <li key={`${used.secretId} ${used.host}:${used.port}`} className={styles.item}>
            <code className={styles.name}>{used.name}</code>
            <span className={styles.detail}>
              for {visibleBidi(placeOf(used))}, {exactCount(used.count)} × ({countsOf(used.methods)}
              )
            </span>
            <span className={styles.figures}>
              last <Time at={used.lastAt} />
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}
