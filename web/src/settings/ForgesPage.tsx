import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, unwrap } from "../api/client";
import { useSession } from "../api/queries";
import { ErrorState } from "../ui/ErrorState";
import { Skeleton } from "../ui/Skeleton";
import { Facts } from "./Facts";
import { Connect } from "./forges/Connect";
import { Connections } from "./forges/Connections";
import { FORGES } from "./forges/queries";
import { Section } from "./Section";
import { Snippet } from "./Snippet";

const ADDRESSES = [
  [
    "A folder",
    <>
      <code>/srv/git/shop.git</code>, on the computer that runs Errand. Needs the installation's own
      key.
    </>,
  ],
  [
    "https",
    <>
      <code>https://git.example.com/team/shop.git</code>, at a connected host, or where nobody has
      to sign in. Addresses that hold a password are refused.
    </>,
  ],
  [
    "ssh",
    <>
      <code>git@git.example.com:team/shop.git</code>, at a connected host, or with a key from the
      configuration below.
    </>,
  ],
] as const;

const SSH = `[ssh."git.example.com"]
key = "/etc/errand/id_ed25519"
known_hosts = "/etc/errand/known_hosts"`;

const AUTHOR = `[git]
name = "Errand"
email = "errand@example.com"`;

/** Hosts of repositories: connected ones, and what is reached without. */
export default function ForgesPage() {
  const admin = useSession().data?.admin ?? false;
  const [said, setSaid] = useState("");
  const forges = useQuery({
    queryKey: FORGES,
    queryFn: async () => (await unwrap(api.GET("/v1/forges"))).items,
  });
  if (forges.isError && forges.data === undefined) {
    return (
      <ErrorState
        title="Could not load the hosts"
        error={forges.error}
        onRetry={() => void forges.refetch()}
      />
    );
  }
  return (
    <>
      <Section
        title="Connected hosts"
        description="Agents clone from them, push to them and open pull requests there. The credential stays with this server: no machine of an agent ever holds it."
      >
        {forges.data === undefined ? (
          <Skeleton width="60%" />
        ) : (
          <Connections forges={forges.data} admin={admin} onSaid={setSaid} />
        )}
        <p role="status">{said}</p>
      </Section>
      {admin && (
        <Section
          title="Connect a host"
          description="The host is asked whose credential it is before anything is kept. For a host that is connected already, this enters another one."
        >
          <Connect onSaid={setSaid} />
        </Section>
      )}
      <Section
        title="Without a connection"
        description="Errand keeps pull requests itself, for every git remote. You read and merge them here or with errand pr."
      >
        <Facts rows={ADDRESSES} />
        <Snippet label="In errand.toml, one for each host" text={SSH} />
      </Section>
      <Section title="Who stands on commits">
        <p>Author and committer of all that agents do, for the whole server.</p>
        <Snippet label="In errand.toml, in the server's data folder" text={AUTHOR} />
      </Section>
    </>
  );
}
