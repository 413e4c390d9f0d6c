import { useQuery } from "@tanstack/react-query";
import { api, unwrap } from "../api/client";
import { useServer } from "../api/queries";
import { providerName } from "../api/status";
import type { DoctorCheck } from "../api/types";
import { StatusDot, type Tone } from "../ui/Badge";
import { ErrorState } from "../ui/ErrorState";
import { Skeleton } from "../ui/Skeleton";
import { Section } from "./Section";
import styles from "./Settings.module.css";

/** What this server is, and how well it keeps agents apart. */
export default function AboutPage() {
  return (
    <>
      <Section title="About this server">
        <Facts />
      </Section>
      <Section
        title="What the server finds about itself"
        description="Whether it has what it needs, and how well each wall between an agent and this machine stands."
      >
        <Walls />
      </Section>
    </>
  );
}

function Facts() {
  const server = useServer();
  if (server.isError) {
    return (
      <ErrorState
        title="Could not ask the server"
        error={server.error}
        onRetry={() => server.refetch()}
      />
    );
  }
  if (server.isPending) return <Skeleton width="50%" />;
  const { version, publicUrl, provider, previewAddress } = server.data;
  const facts: [string, string][] = [
    ["Version", version],
    ["Address", publicUrl],
    ["Machines on", providerName(provider)],
    ...(previewAddress == null ? [] : [["Previews at", previewAddress] as [string, string]]),
  ];
  return (
    <dl className={styles.facts}>
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

const STATES: Record<string, { tone: Tone; word: string }> = {
  ok: { tone: "green", word: "Good" },
  reduced: { tone: "amber", word: "Weaker" },
  missing: { tone: "red", word: "Missing" },
};

function Walls() {
  const doctor = useQuery({
    queryKey: ["doctor"],
    queryFn: async () => (await unwrap(api.GET("/v1/doctor"))).checks,
  });
  if (doctor.isError) {
    return (
      <ErrorState
        title="Could not run the checks"
        error={doctor.error}
        onRetry={() => doctor.refetch()}
      />
    );
  }
  if (doctor.isPending) return <Skeleton width="70%" />;
  return (
    <ul>
      {worstFirst(doctor.data).map((check) => (
        <Wall key={check.name} check={check} />
      ))}
    </ul>
  );
}

function Wall({ check }: { check: DoctorCheck }) {
  const state = STATES[check.state] ?? { tone: "neutral" as const, word: check.state };
  return (
    <li className={styles.check}>
      <StatusDot tone={state.tone} word={state.word} />
      <span className={styles.checkText}>
        <b>{plain(check.name)}</b>
        <span className={styles.muted}>{plain(check.detail)}</span>
      </span>
    </li>
  );
}

/** `sandbox: disk_limit` as people write it. */
function plain(text: string): string {
  const words = text.replace(/^sandbox: /, "").replace(/(?<=[a-z])_(?=[a-z])/g, " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

const RANK: Record<string, number> = { missing: 0, reduced: 1, ok: 2 };

function worstFirst(checks: readonly DoctorCheck[]): DoctorCheck[] {
  return [...checks].sort((a, b) => (RANK[a.state] ?? 0) - (RANK[b.state] ?? 0));
}
