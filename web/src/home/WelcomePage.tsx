import { Check } from "lucide-react";
import { type ReactNode, useState } from "react";
import { Link } from "react-router";
import { useModels, useRepositories } from "../api/queries";
import { repositoryName } from "../api/status";
import { PageHeader } from "../app/PageHeader";
import { Button } from "../ui/Button";
import { CopyButton } from "../ui/CopyButton";
import { cx } from "../ui/cx";
import { Banner, ErrorState } from "../ui/ErrorState";
import { TextArea } from "../ui/Field";
import { Skeleton } from "../ui/Skeleton";
import { emptyLaunch, type LaunchRepository, problemsOf } from "./launch";
import { RepositoryChips } from "./RepositoryChips";
import { useSend } from "./useSend";
import styles from "./WelcomePage.module.css";

const SCRIPTED = "scripted";
const IDEAS = {
  repository: [
    "Explain to someone new how this project is built, and where to begin reading.",
    "The test in this repository fails. Find out why, fix it, and show that it passes.",
    "Find the three riskiest places in this code and explain why.",
  ],
  nothing: [
    "Write a small command-line calculator in Python, with tests, and show that they pass.",
    "Compare three ways to store dates in a database, in one page of plain words.",
  ],
};

/** The way to the first errand: a mind, a place, a task. */
export default function WelcomePage() {
  const models = useModels();
  const [repositories, setRepositories] = useState<LaunchRepository[]>([]);
  return (
    <>
      <PageHeader title="First steps" />
      <div className={styles.scroll}>
        <div className={styles.column}>
          <header>
            <h2 className={styles.greeting}>Send your first errand</h2>
            <p className={styles.lead}>
              An agent takes your task to a machine of its own, works there without supervision, and
              comes back with a branch and a pull request. Three steps, about a minute.
            </p>
          </header>
          <ol className={styles.steps}>
            <ModelStep models={models} />
            <PlaceStep repositories={repositories} onChange={setRepositories} />
            <TaskStep repositories={repositories} />
          </ol>
          <p className={styles.lead}>
            Rather look around? <Link to="/new">Open the full form</Link> or press <kbd>?</kbd> for
            the keys.
          </p>
        </div>
      </div>
    </>
  );
}

interface StepProps {
  number: number;
  title: string;
  done?: boolean;
  children: ReactNode;
}

function Step({ number, title, done, children }: StepProps) {
  return (
    <li className={styles.step}>
      <span className={cx(styles.number, done && styles.done)} aria-hidden="true">
        {done ? <Check /> : number}
      </span>
      <div className={styles.body}>
        <h3>
          {title}
          {done && <span className="visually-hidden"> (done)</span>}
        </h3>
        {children}
      </div>
    </li>
  );
}

function ModelStep({ models }: { models: ReturnType<typeof useModels> }) {
  if (models.isPending) {
    return (
      <Step number={1} title="A model to think with">
        <Skeleton width="70%" />
      </Step>
    );
  }
  if (models.isError) {
    return (
      <Step number={1} title="A model to think with">
        <ErrorState
          title="Could not ask the server for its models"
          error={models.error}
          onRetry={() => models.refetch()}
        />
      </Step>
    );
  }
  const real = models.data.filter(({ id }) => !id.startsWith(SCRIPTED));
  if (real.length > 0) {
    const standard = real.find(({ isDefault }) => isDefault) ?? real[0];
    return (
      <Step number={1} title="A model to think with" done>
        <p>
          Ready: <b>{standard?.displayName}</b>
          {real.length > 1 && ` and ${real.length - 1} more`}. Its key stays on the server; no agent
          ever sees it.
        </p>
      </Step>
    );
  }
  const practice = models.data.length > 0;
  return (
    <Step number={1} title="A model to think with" done={practice}>
      <p>
        {practice
          ? "This server has a scripted model only: whatever you ask, it acts out the repair of a file calc.py, so you can see everything but a real mind at work. Where there is no such file it finds nothing to repair. For a real model, give the server a key and start it again:"
          : "This server has no model yet. Give it a key and start it again:"}
      </p>
      <Command text="export ANTHROPIC_API_KEY=…   # or OPENAI_API_KEY" />
      <p>
        Any server that speaks the same language works as well; put it into <code>errand.toml</code>
        . The key stays on the server, no agent ever sees it.
      </p>
    </Step>
  );
}

function Command({ text }: { text: string }) {
  return (
    <div className={styles.command}>
      <code>{text}</code>
      <CopyButton text={text} label="Copy the command" />
    </div>
  );
}

interface PlaceStepProps {
  repositories: LaunchRepository[];
  onChange(repositories: LaunchRepository[]): void;
}

function PlaceStep({ repositories, onChange }: PlaceStepProps) {
  const known = useRepositories().data ?? [];
  const sample = known[0]?.url;
  return (
    <Step number={2} title="A place to work" done={repositories.length > 0}>
      <p>Choose a repository, or none: the agent then begins in an empty folder.</p>
      <div className={styles.choices}>
        {sample !== undefined && repositories.length === 0 && (
          <Button size="s" onPress={() => onChange([{ url: sample, ref: "" }])}>
            Try {repositoryName(sample)}
          </Button>
        )}
        <RepositoryChips repositories={repositories} onChange={onChange} />
      </div>
      <p className={styles.small}>
        The agent works on a branch of its own. Your default branch is never touched.
      </p>
    </Step>
  );
}

function TaskStep({ repositories }: { repositories: LaunchRepository[] }) {
  const [text, setText] = useState("");
  const [problem, setProblem] = useState<string>();
  // One id for this page: pressing twice, or again after a lost answer, starts one agent.
  const [blank] = useState(emptyLaunch);
  const sending = useSend(() => setText(""));
  const send = () => {
    const launch = { ...blank, text, repositories };
    const found = problemsOf(launch).text;
    setProblem(found);
    if (found === undefined && !sending.isPending) sending.send({ launch, images: [] });
  };
  const ideas = repositories.length > 0 ? IDEAS.repository : IDEAS.nothing;
  return (
    <Step number={3} title="A task" done={text.trim() !== ""}>
      <TextArea
        label="Task"
        hideLabel
        rows={3}
        placeholder="Describe it as you would to a colleague…"
        value={text}
        onChange={(value) => {
          setText(value);
          setProblem(undefined);
        }}
        error={problem}
      />
      <div className={styles.ideas}>
        {ideas.map((idea) => (
          <button key={idea} type="button" className={styles.idea} onClick={() => setText(idea)}>
            {idea}
          </button>
        ))}
      </div>
      {sending.error !== undefined && <Banner tone="red">{sending.error}</Banner>}
      <div>
        <Button variant="primary" onPress={send} isPending={sending.isPending}>
          Send the errand
        </Button>
      </div>
    </Step>
  );
}
