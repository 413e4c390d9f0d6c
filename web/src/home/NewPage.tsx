import { PageHeader } from "../app/PageHeader";

/** New agent. */
export default function NewPage() {
  return <PageHeader title="New agent" />;
}
