import { PageHeader } from "../app/PageHeader";

/** Sign in. */
export default function SignInPage() {
  return <PageHeader title="Sign in" />;
}
