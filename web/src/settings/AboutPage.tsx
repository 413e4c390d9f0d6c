import { useQuery } from "@tanstack/react-query";
import { api, unwrap } from "../api/client";
import { useServer } from "../api/queries";
import { providerName } from "../api/status";
import type { DoctorCheck } from "../api/types";
import { StatusDot, type Tone } from "../ui/Badge";
import { ErrorState } from "../ui/ErrorState";
import { Skeleton } from "../ui/Skeleton";
import { Facts } from "./Facts";
import { Section } from "./Section";
import styles from "./Settings.module.css";
import { sentencesOf, titleOf } from "./walls";

/** What this server is, and how well it keeps agents apart. */
export default function AboutPage() {
  return (
    <>
      <Section title="About this server">
        <AboutFacts />
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

function AboutFacts() {
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
    ["Machines on", titleOf(providerName(provider))],
    ...(previewAddress == null ? [] : [["Previews at", previewAddress] as [string, string]]),
  ];
  return <Facts rows={facts} />;
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
      <div className={styles.checkText}>
        <h3>{titleOf(check.name)}</h3>
        {sentencesOf(check.detail).map((sentence) => (
          <p key={sentence} className={styles.muted}>
            <WithCode text={sentence} />
          </p>
        ))}
      </div>
    </li>
  );
}

/** A text in which `commands` are marked. */
function WithCode({ text }: { text: string }) {
  // biome-ignore lint/suspicious/noArrayIndexKey: parts of a text have no other name
  return text.split("`").map((part, at) => (at % 2 === 1 ? <code key={at}>{part}</code> : part));
}

const RANK: Record<string, number> = { missing: 0, reduced: 1, ok: 2 };

function worstFirst(checks: readonly DoctorCheck[]): DoctorCheck[] {
  return [...checks].sort((a, b) => (RANK[a.state] ?? 0) - (RANK[b.state] ?? 0));
}
