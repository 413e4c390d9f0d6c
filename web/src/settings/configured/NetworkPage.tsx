import { Link } from "react-router";
import { Facts } from "../Facts";
import { Section } from "../Section";
import { Snippet } from "../Snippet";

const MODES = [
  ["offline", "Nothing."],
  [
    "packages",
    "Registries of programming languages and Linux distributions, to download from, and hosts you list. This is the default.",
  ],
  ["allowlist", "Only hosts you list."],
  ["open", "Every public host."],
] as const;

const NETWORK = `[network]
mode = "packages"
allow = ["api.example.com", "*.example.org"]`;

/** What agents reach, and what they are told in confidence. */
export function NetworkPage() {
  return (
    <>
      <Section
        title="What agents may reach"
        description="The outermost rule for all agents of this server. It is in the server's configuration, which is read when the server starts."
      >
        <Facts rows={MODES} />
        <hr />
        <p>
          Private addresses, this server and the metadata services of clouds are reached in no mode.
          What was refused stands in the agent's conversation, with the line that would allow it.
        </p>
        <p>
          In the modes <code>packages</code> and <code>open</code>, the environment file of a
          repository can allow more hosts for its own agents.
        </p>
        <Snippet label="In errand.toml, in the server's data folder" text={NETWORK} />
      </Section>
      <Section title="Secrets">
        <p>
          Values for machines are under <Link to="/settings/secrets">Secrets</Link>. Keys of models
          and of git remotes stay in the server. No machine ever sees them.
        </p>
      </Section>
    </>
  );
}
