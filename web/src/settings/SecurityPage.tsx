import { ErrorState } from "../ui/ErrorState";
import { Switch } from "../ui/Field";
import { Skeleton } from "../ui/Skeleton";
import { Saved } from "./Saved";
import { Section } from "./Section";
import styles from "./Settings.module.css";
import { useSetting } from "./useSetting";

/** Switches about who sees and keeps what. Only administrators change them. */
export default function SecurityPage() {
  const { settings, admin, mutation, save } = useSetting();
  if (settings.isError) {
    return (
      <ErrorState
        title="Could not load the settings"
        error={settings.error}
        onRetry={() => settings.refetch()}
      />
    );
  }
  const now = settings.data;
  if (now === undefined) return <Skeleton height={220} radius={8} />;
  return (
    <>
      <Section
        title="Privacy mode"
        description="Decided when an agent starts, and fixed for that agent: switching it later changes nothing for agents that exist."
      >
        <Switch
          label="Privacy mode for new agents"
          isDisabled={!admin}
          isSelected={now.privacyMode}
          onChange={(privacyMode) => save({ privacyMode })}
        />
        <p>
          <b>On:</b> code is never used for training, and is kept only to run the agent.
        </p>
        <p>
          <b>Off:</b> the operator of this server may keep prompts and environments to improve the
          service. Nothing leaves this installation.
        </p>
        <p className={styles.muted}>
          In both, what an agent reads goes to the provider of its model, under your contract with
          them.
        </p>
      </Section>
      <Section
        title="What lists show"
        description="Agents read code that not everyone who sees a list or a channel may see."
      >
        <Switch
          label="Show summaries of agents"
          description="Lists show what agents ask, and with it file paths and pieces of code. Off: neither file paths nor code appear in the sidebar."
          isDisabled={!admin}
          isSelected={now.displayAgentSummary}
          onChange={(displayAgentSummary) => save({ displayAgentSummary })}
        />
        <hr />
        <Switch
          label="Show them in connected channels as well"
          description="Pull requests at connected hosts tell the task, what the agent says it did, and what it changed. Off: only a title, a link, how much there is to look at, and the evidence. Commits are not changed by this."
          isDisabled={!admin || !now.displayAgentSummary}
          isSelected={now.displayAgentSummaryInExternalChannels}
          onChange={(on) => save({ displayAgentSummaryInExternalChannels: on })}
        />
      </Section>
      <Section title="What every agent can do">
        <p>
          Each agent works in a sandbox of its own and runs commands there without asking. It
          reaches the internet only through Errand's gateway. Text that it reads there, in issues or
          in the repository may try to mislead it into sending away what it knows: give it no secret
          that its task does not need, and allow no more hosts than it needs.
        </p>
      </Section>
      <Saved mutation={mutation} />
    </>
  );
}
