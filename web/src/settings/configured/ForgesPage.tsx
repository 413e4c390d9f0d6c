import { Facts } from "../Facts";
import { Section } from "../Section";
import { Snippet } from "../Snippet";

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
      <code>https://git.example.com/team/shop.git</code>, where nobody has to sign in. Addresses
      that hold a password are refused.
    </>,
  ],
  [
    "ssh",
    <>
      <code>git@git.example.com:team/shop.git</code>, with a key from the configuration below.
    </>,
  ],
] as const;

const SSH = `[ssh."git.example.com"]
key = "/etc/errand/id_ed25519"
known_hosts = "/etc/errand/known_hosts"`;

const AUTHOR = `[git]
name = "Errand"
email = "errand@example.com"`;

/** Where repositories and pull requests are. */
export function ForgesPage() {
  return (
    <>
      <Section
        title="Pull requests"
        description="Errand keeps them itself, for every git remote. You read and merge them here or with errand pr."
      >
        <p>
          GitHub, GitLab, Gitea and Bitbucket cannot be connected yet. Branches are pushed there,
          but no pull request is opened there, and no issue or comment is read.
        </p>
      </Section>
      <Section title="Repositories that Errand can reach">
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
