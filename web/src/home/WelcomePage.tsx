import { PageHeader } from "../app/PageHeader";

/** Welcome. */
export default function WelcomePage() {
  return <PageHeader title="Welcome" />;
}
