import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Navigate, useLocation, useNavigate } from "react-router";
import { explain, isSignedOut } from "../api/errors";
import { useSession } from "../api/queries";
import { useDocumentTitle } from "../app/PageHeader";
import { signIn } from "../app/session";
import { Button } from "../ui/Button";
import { Banner } from "../ui/ErrorState";
import { TextField } from "../ui/Field";
import { Wordmark } from "../ui/Wordmark";
import styles from "./SignInPage.module.css";

/** Signing in with a key; `errand open` leads past this page. */
export default function SignInPage() {
  useDocumentTitle("Sign in");
  const session = useSession();
  const { next, refused } = useNext();
  if (session.isSuccess) return <Navigate to={next} replace />;
  return (
    <main className={styles.page}>
      <div className={styles.card}>
        <Wordmark size={24} />
        <h1 className={styles.title}>Sign in</h1>
        {refused !== undefined && <Banner tone="amber">{refused}</Banner>}
        <KeyForm next={next} />
        <section className={styles.help}>
          <h2>Where is my key?</h2>
          <p>
            On the machine that runs the server, <code>errand open</code> signs you in with no key
            at all. The first key is in the file <code>admin-token</code> of the server's data
            folder; <code>errand serve</code> prints where that is. Anyone who is signed in with it
            can make you one under Settings, API keys.
          </p>
        </section>
      </div>
    </main>
  );
}

function KeyForm({ next }: { next: string }) {
  const navigate = useNavigate();
  const client = useQueryClient();
  const [token, setToken] = useState("");
  const [error, setError] = useState<string>();
  const [busy, setBusy] = useState(false);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (busy) return;
    if (token.trim() === "") return setError("Paste your key here.");
    setBusy(true);
    try {
      await signIn(token.trim());
      await client.invalidateQueries();
      await navigate(next, { replace: true });
    } catch (refusal) {
      setError(
        isSignedOut(refusal)
          ? "This key is not known here. It may have been revoked, or a part of it is missing."
          : explain(refusal).message,
      );
    } finally {
      setBusy(false);
    }
  };
  return (
    <form className={styles.form} onSubmit={submit}>
      <TextField
        label="API key"
        type="password"
        mono
        autoFocus
        autoComplete="current-password"
        value={token}
        onChange={(value) => {
          setToken(value);
          setError(undefined);
        }}
        error={error}
      />
      <Button type="submit" variant="primary" isPending={busy}>
        Sign in
      </Button>
    </form>
  );
}

function useNext(): { next: string; refused: string | undefined } {
  const state: unknown = useLocation().state;
  const field = (name: string) =>
    typeof state === "object" && state !== null ? Reflect.get(state, name) : undefined;
  const next = field("next");
  const refused = field("refused");
  return {
    next: typeof next === "string" && next.startsWith("/") ? next : "/",
    refused: typeof refused === "string" ? refused : undefined,
  };
}
