import { PageHeader } from "../app/PageHeader";

/** Your agents. */
export default function HomePage() {
  return <PageHeader title="Your agents" />;
}
