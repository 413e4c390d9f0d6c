import { Section } from "../Section";
import { Snippet } from "../Snippet";

/** What machines begin as. */
export function EnvironmentsPage() {
  return (
    <>
      <Section
        title="What machines begin as"
        description="The same for all agents of this server. There is nothing to choose yet."
      >
        <p>
          An agent finds the programs that are installed on the computer that runs Errand. It cannot
          change those. What it adds stays on a disk of its own until the agent is deleted.
        </p>
        <p>
          There are no images, builds or snapshots yet. To have a program in every machine, install
          it on that computer.
        </p>
      </Section>
      <Section
        title="The environment file"
        description="A repository can say in .errand/environment.json what its machines need: image, install step, programs that run meanwhile, ports, network."
      >
        <p>
          Errand reads this file, checks it and explains it.{" "}
          <b>Images, builds and snapshots are not followed yet.</b> What an agent does follow stands
          in its conversation, step by step.
        </p>
        <p>
          Whatever is missing can be named in the task, or in the file <code>AGENTS.md</code> of the
          repository, which agents read before they begin.
        </p>
        <Snippet label="In a terminal, inside the repository" text="errand env check" />
      </Section>
    </>
  );
}
