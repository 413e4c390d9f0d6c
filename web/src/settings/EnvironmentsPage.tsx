import { BuildList } from "./builds/BuildList";
import { BuildNow } from "./builds/BuildNow";
import { EnvironmentList } from "./environments/EnvironmentList";
import { Section } from "./Section";
import { Snippet } from "./Snippet";

/** What machines begin as: builds, and what a repository says about itself. */
export default function EnvironmentsPage() {
  return (
    <>
      <Section
        title="Build a machine ahead"
        description="A build checks repositories out, runs their install step and keeps the disk. New agents of the same repositories begin with it, and work at once."
      >
        <BuildNow />
      </Section>
      <Section
        title="Builds"
        description="Those that ran by themselves because an agent had to install, those that somebody asked for, and machines that were kept."
      >
        <BuildList />
      </Section>
      <Section
        title="Saved environments"
        description="What an environment file would say, kept by this server for repositories that have none. A repository's own file comes first, whole."
      >
        <EnvironmentList />
      </Section>
      <Section
        title="The environment file"
        description="A repository says in .errand/environment.json what its machines need. Agents read it at the commit they start from."
      >
        <p>
          Agents follow it: <code>image</code> or <code>build</code>, a Dockerfile, says what the
          machine begins as, <code>install</code> prepares the disk once, <code>start</code> and{" "}
          <code>terminals</code> run each time the machine comes up, <code>ports</code> have their
          names on the machine's page, and the egress keys allow more hosts, as far as this server
          lets them. Of a <code>devcontainer.json</code> variables are set as well.
        </p>
        <p>
          <b>What is left out of a file stands in the agent's conversation</b>, with the reason.
        </p>
        <Snippet label="In a terminal, inside the repository" text="errand env check" />
      </Section>
      <Section title="Without a build">
        <p>
          An agent finds the programs that are installed on the computer that runs Errand. It cannot
          change those. What it adds stays on a disk of its own until the agent is deleted.
        </p>
        <p>
          To have a program in every machine, install it on that computer, or in a build. To pass on
          a machine that you set up by hand, open its agent and choose{" "}
          <i>Keep this machine for new agents</i> in the menu.
        </p>
      </Section>
    </>
  );
}
