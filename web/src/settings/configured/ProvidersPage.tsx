import { Link } from "react-router";
import { useServer } from "../../api/queries";
import { providerName } from "../../api/status";
import { Facts } from "../Facts";
import { Section } from "../Section";
import { Snippet } from "../Snippet";
import { titleOf } from "../walls";

const SIZES = `[sandbox]
memory_mib = 4096    # memory of a machine
processes = 2048     # programs it may run at once
cpu_percent = 0      # percent of one core; 0: no limit`;

/** Where machines stand. */
export function ProvidersPage() {
  const server = useServer().data;
  return (
    <>
      <Section
        title="Where machines are"
        description="Every agent has a machine of its own. It sleeps between messages and keeps its disk."
      >
        <Facts
          rows={[
            ["Machines on", server === undefined ? "…" : titleOf(providerName(server.provider))],
            ["Made from", "Parts of the Linux kernel. No container engine is needed."],
            ["Clouds", "None can be added yet."],
          ]}
        />
        <p>
          <Link to="/settings/server">About this server</Link> says how well each machine is kept
          apart from the others and from this computer.
        </p>
      </Section>
      <Section
        title="How large they are"
        description="The same for all machines. Changes hold once the server was started again."
      >
        <Snippet label="In errand.toml, in the server's data folder" text={SIZES} />
      </Section>
    </>
  );
}
