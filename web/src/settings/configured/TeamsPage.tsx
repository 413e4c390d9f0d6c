import { Link } from "react-router";
import { Facts } from "../Facts";
import { Section } from "../Section";

const KEYS = [
  [
    "The first key",
    "Changes these settings, makes and revokes keys, and may name folders on the server's computer as repositories.",
  ],
  ["Every other key", "Starts agents, and sees, steers, stops and deletes all agents there are."],
] as const;

/** Who may do what. */
export function TeamsPage() {
  return (
    <Section
      title="Who may do what"
      description="One team: whoever has a key sees all agents. There are no roles, invitations or limits for single people yet."
    >
      <Facts rows={KEYS} />
      <p>
        Give each person a key of their own under <Link to="/settings/keys">API keys</Link>: its
        name stands beside what they write, and it can be revoked alone.
      </p>
    </Section>
  );
}
