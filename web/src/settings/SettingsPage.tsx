import { PageHeader } from "../app/PageHeader";

/** Settings. */
export default function SettingsPage() {
  return <PageHeader title="Settings" />;
}
