import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { api, unwrap } from "../api/client";
import type { NetworkBody, NetworkMode, WhenAllThree } from "../api/types";
import { Banner, ErrorState } from "../ui/ErrorState";
import { Select } from "../ui/Field";
import { Skeleton } from "../ui/Skeleton";
import { HostForm } from "./network/HostForm";
import { HostList } from "./network/HostList";
import { choicesOf, rulesOf, ruleTitleOf, titleOf } from "./network/network";
import { Saved } from "./Saved";
import { Section } from "./Section";
import { useSetting } from "./useSetting";

/** What agents may reach, within what the operator has set. */
export default function NetworkPage() {
  const { admin, mutation, save } = useSetting();
  const network = useQuery({
    queryKey: ["network"],
    queryFn: () => unwrap(api.GET("/v1/network")),
  });
  if (network.isError) {
    return (
      <ErrorState
        title="Could not load the network's settings"
        error={network.error}
        onRetry={() => void network.refetch()}
      />
    );
  }
  if (network.data === undefined) {
    return (
      <div role="status" aria-label="Loading the network's settings">
        <Skeleton height={120} radius={6} />
      </div>
    );
  }
  const { hosts, mayAdd } = network.data;
  return (
    <>
      <Section
        title="What agents may reach"
        description="Holds at once, for agents that run now, too. Environment files of repositories choose within it."
      >
        <ModeChoice
          network={network.data}
          disabled={!admin}
          onChoose={(networkMode) => save({ networkMode })}
        />
        <p>
          Private addresses, this server and the metadata services of clouds are reached in no mode.
          What was refused stands in the agent's conversation, where it can be allowed.
        </p>
      </Section>
      <Section
        title="Hosts that may be reached besides"
        description="For all agents, or for those of a repository."
      >
        {!mayAdd && (
          <Banner>
            The operator keeps this list: it is <code>allow</code> under <code>[network]</code> of
            errand.toml. What is listed here does not count.
          </Banner>
        )}
        <HostList
          network={network.data}
          mayChange={admin}
          onRemove={(host) => save({ allowedHosts: hosts.filter((known) => known !== host) })}
        />
        {admin && mayAdd && <HostForm hosts={hosts} />}
      </Section>
      <Section
        title="Strangers' text, secrets, and a way out"
        description="No agent should have all three: what it reads could have it send what it knows."
      >
        <RuleChoice
          network={network.data}
          disabled={!admin}
          onChoose={(whenAllThree) => save({ whenAllThree })}
        />
      </Section>
      <Section title="Secrets">
        <p>
          Values for machines are under <Link to="/settings/secrets">Secrets</Link>. Keys of models
          and of git remotes stay in the server. No machine ever sees them.
        </p>
      </Section>
      <Saved mutation={mutation} holds="from now on" />
    </>
  );
}

interface ModeChoiceProps {
  network: NetworkBody;
  disabled: boolean;
  onChoose(mode: NetworkMode | null): void;
}

/** The modes up to the operator's. */
function ModeChoice({ network, disabled, onChoose }: ModeChoiceProps) {
  const { floor, mode } = network;
  return (
    <>
      <Select
        label="Mode"
        description={`The operator's is "${titleOf(floor)}": nothing here goes farther.`}
        isDisabled={disabled}
        choices={choicesOf(floor)}
        value={mode}
        onChange={(id) => onChoose(id === floor ? null : (id as NetworkMode))}
      />
      {mode === "open" && (
        <Banner tone="amber">
          Agents reach every public host, and what they read there may tell them what to do.
        </Banner>
      )}
    </>
  );
}

interface RuleChoiceProps {
  network: NetworkBody;
  disabled: boolean;
  onChoose(rule: WhenAllThree | null): void;
}

/** The rules from the operator's on. */
function RuleChoice({ network, disabled, onChoose }: RuleChoiceProps) {
  const { whenAllThree, whenAllThreeFloor } = network;
  return (
    <Select
      label="When an agent has all three"
      description={`The operator's is "${ruleTitleOf(whenAllThreeFloor)}": nothing here is laxer. Packages and the repository's own files are no strangers' text.`}
      isDisabled={disabled}
      choices={rulesOf(whenAllThreeFloor)}
      value={whenAllThree}
      onChange={(id) => onChoose(id === whenAllThreeFloor ? null : (id as WhenAllThree))}
    />
  );
}
