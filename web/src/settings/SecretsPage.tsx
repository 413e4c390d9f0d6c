import { ErrorState } from "../ui/ErrorState";
import { Skeleton } from "../ui/Skeleton";
import { useEnvironments } from "./environments/queries";
import { Section } from "./Section";
import { useSecrets } from "./secrets/queries";
import { SecretList } from "./secrets/SecretList";
import { ownerOf, ownersOf } from "./secrets/secrets";

const ABOUT: Record<string, string> = {
  user: "For the agents that you open. They come before the team's where both have a name.",
  team: "For all agents of this server.",
};

/** Values for machines: added, replaced, removed, and never shown. */
export default function SecretsPage() {
  const secrets = useSecrets();
  const environments = useEnvironments();
  const failed = [secrets, environments].find(({ data, isError }) => isError && data === undefined);
  if (failed !== undefined) {
    return (
      <ErrorState
        title="Could not load the secrets"
        error={failed.error}
        onRetry={() => void failed.refetch()}
      />
    );
  }
  if (secrets.data === undefined || environments.data === undefined) {
    return (
      <div role="status" aria-label="Loading the secrets">
        <Skeleton height={120} radius={6} />
      </div>
    );
  }
  return (
    <>
      {ownersOf(environments.data).map((owner) => (
        <Section
          key={owner.id}
          title={owner.title}
          description={
            ABOUT[owner.id] ?? "For agents of its repositories. They come before all others."
          }
        >
          <SecretList
            owner={owner}
            secrets={secrets.data.filter((secret) => ownerOf(secret) === owner.id)}
          />
        </Section>
      ))}
      <Section title="What is safe">
        <p>
          A <b>grant</b> names the hosts that are given its value and stays outside the machine. A{" "}
          <b>plain secret</b> is a variable in the machine: programs there can read it and send it
          anywhere, and people who work with the agent can, too.
        </p>
        <p>
          Values are encrypted on the server's disk. Nobody can read one back; whoever has lost it
          replaces it.
        </p>
      </Section>
    </>
  );
}
