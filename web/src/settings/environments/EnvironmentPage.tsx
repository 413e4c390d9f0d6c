import type { EditorView } from "@codemirror/view";
import { ArrowLeft, Save, Trash2 } from "lucide-react";
import { type FormEvent, useRef, useState } from "react";
import { Link, useNavigate, useParams } from "react-router";
import { ApiError, explain } from "../../api/errors";
import { useSession } from "../../api/queries";
import type { EnvironmentBody } from "../../api/types";
import { PageSkeleton } from "../../app/PageSkeleton";
import { RepositoryChips } from "../../home/RepositoryChips";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { Banner, ErrorState } from "../../ui/ErrorState";
import { TextField } from "../../ui/Field";
import { visibleBidi } from "../../ui/untrusted";
import rows from "../Rows.module.css";
import { Section } from "../Section";
import { EnvironmentBuilds } from "./EnvironmentBuilds";
import styles from "./Environments.module.css";
import { EnvironmentText, Findings } from "./EnvironmentText";
import { BEGINNING, offsetOf, type Remark } from "./environments";
import { History } from "./History";
import { useEnvironment, useForgetEnvironment, useSave } from "./queries";

/** A new environment. */
export function NewEnvironmentPage() {
  return (
    <>
      <Back />
      <Section title="New environment" description={ABOUT}>
        <Form />
      </Section>
    </>
  );
}

/** A saved environment: its text, its history, its builds. */
export default function EnvironmentPage() {
  const { id = "" } = useParams();
  const environment = useEnvironment(id);
  const admin = useSession().data?.admin ?? false;
  const [restores, setRestores] = useState(0);
  if (environment.isPending) return <PageSkeleton />;
  const known = environment.data;
  if (known === undefined) {
    return (
      <>
        <Back />
        <ErrorState
          title="Could not load the environment"
          error={environment.error}
          onRetry={() => void environment.refetch()}
        />
      </>
    );
  }
  return (
    <>
      <Back />
      <Section title={visibleBidi(known.name)} description={ABOUT}>
        {admin ? (
          // What was brought back takes the place of what was being written.
          <Form key={`${known.id} ${restores}`} known={known} />
        ) : (
          // biome-ignore lint/a11y/noNoninteractiveTabindex: it must scroll by keyboard
          <pre className={styles.text} tabIndex={0}>
            {visibleBidi(known.environmentJson ?? "")}
          </pre>
        )}
      </Section>
      <Section
        title="History"
        description="What an agent began with stays in its conversation, whatever is saved later."
      >
        <History
          environment={known}
          admin={admin}
          onRestored={() => setRestores((count) => count + 1)}
        />
      </Section>
      <Section title="Builds that followed it">
        <EnvironmentBuilds id={known.id} version={known.version} />
      </Section>
    </>
  );
}

const ABOUT =
  "It is read as .errand/environment.json would be, by agents of its repositories that have no such file. A change holds for agents that begin after it.";

function Back() {
  return (
    <p>
      <Link to="/settings/environments" className={rows.name}>
        <ArrowLeft size={14} aria-hidden="true" /> All environments
      </Link>
    </p>
  );
}

function Form({ known: begun }: { known?: EnvironmentBody }) {
  // The version that the text was written on: what others save meanwhile is told when this one is saved.
  const [known, setKnown] = useState(begun);
  const saved = known?.environmentJson ?? BEGINNING;
  const [name, setName] = useState(known?.name ?? "");
  const [repositories, setRepositories] = useState(
    (known?.repos ?? []).map(({ url }) => ({ url, ref: "" })),
  );
  const [text, setText] = useState(saved);
  const view = useRef<EditorView>(undefined);
  const save = useSave(known);
  const navigate = useNavigate();
  const submit = (event?: FormEvent) => {
    event?.preventDefault();
    if (name.trim() === "" || save.isPending) return;
    const repos = repositories.map(({ url }) => ({ url }));
    save.mutate(
      { name: name.trim(), repos, environmentJson: text },
      {
        onSuccess: (now) => {
          if (known !== undefined) return setKnown(now);
          void navigate(`/settings/environments/${now.id}`, { replace: true });
        },
      },
    );
  };
  const go = (remark: Remark) => {
    const anchor = offsetOf(view.current?.state.doc.toString() ?? "", remark);
    view.current?.dispatch({ selection: { anchor }, scrollIntoView: true });
    view.current?.focus();
  };
  return (
    <form className={rows.form} onSubmit={submit}>
      <TextField label="Name" maxLength={100} value={name} onChange={setName} placeholder="shop" />
      <div>
        <p className={rows.label}>Repositories it is for</p>
        <RepositoryChips repositories={repositories} onChange={setRepositories} />
      </div>
      <EnvironmentText text={saved} onChange={setText} onSave={submit} view={view} />
      <Findings text={text} onGo={go} />
      {save.isError && <Refused error={save.error} />}
      <div className={rows.actions}>
        <Button
          type="submit"
          variant="primary"
          icon={<Save />}
          isDisabled={name.trim() === ""}
          isPending={save.isPending}
        >
          {known === undefined ? "Save the environment" : "Save a new version"}
        </Button>
        {known !== undefined && <Forget environment={known} />}
      </div>
    </form>
  );
}

function Refused({ error }: { error: unknown }) {
  const isOld = error instanceof ApiError && error.code === "environment_changed";
  return (
    <Banner tone="red">
      {isOld
        ? "Somebody saved another version while you wrote this one, so nothing was saved. Copy your text, reload the page, and put into theirs what is yours."
        : explain(error).message}
    </Banner>
  );
}

function Forget({ environment }: { environment: EnvironmentBody }) {
  const [isOpen, open] = useState(false);
  const forget = useForgetEnvironment();
  const navigate = useNavigate();
  return (
    <>
      <Button icon={<Trash2 />} onPress={() => open(true)}>
        Forget it…
      </Button>
      <Dialog
        role="alertdialog"
        size="s"
        isOpen={isOpen}
        onOpenChange={open}
        title={`Forget “${visibleBidi(environment.name)}”?`}
        footer={
          <>
            <Button onPress={() => open(false)}>Keep it</Button>
            <Button
              variant="danger"
              isPending={forget.isPending}
              onPress={() =>
                forget.mutate(environment.id, {
                  onSuccess: () => void navigate("/settings/environments"),
                })
              }
            >
              Forget it
            </Button>
          </>
        }
      >
        <p>
          Its versions go with it. Agents that began with it go on as they are; new ones begin
          without an environment.
        </p>
        {forget.isError && <Banner tone="red">{explain(forget.error).message}</Banner>}
      </Dialog>
    </>
  );
}
