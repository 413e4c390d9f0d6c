import {
  ArrowUpRight,
  Check,
  GitBranch,
  GitCommitHorizontal,
  GitPullRequest,
  TriangleAlert,
} from "lucide-react";
import { memo, type ReactNode } from "react";
import { Link } from "react-router";
import { repositoryName } from "../../api/status";
import { Spinner } from "../../ui/Button";
import { CopyButton } from "../../ui/CopyButton";
import { cx } from "../../ui/cx";
import { ExternalLink } from "../../ui/ExternalLink";
import { plural } from "../../ui/format";
import type { PublishRow } from "../rows";
import { useScope } from "../useTimeline";
import type { Failure, PullRequest, RepoCheckpoint } from "../wire";
import { Where } from "./Notes";
import styles from "./Publish.module.css";
import { Stopped } from "./Stopped";

/** What became of a run's work: saved, pushed, proposed. */
export const Publish = memo(function Publish({ row }: { row: PublishRow }) {
  const changed = row.checkpoint?.filter((repo) => repo.newCommits > 0 || repo.notes.length > 0);
  const isSaving = !row.checkpoint && !row.checkpointFailure;
  const isQuiet = changed?.length === 0 && !row.pushed && !row.pushFailure && !row.pulls;
  if (isQuiet && !row.pushing && !row.pullFailure) return null;
  return (
    <div className={styles.card}>
      {isSaving && <Item icon={<Spinner />}>Saving the work</Item>}
      {changed?.map((repo) => (
        <Saved key={repo.url} repo={repo} run={row.run ?? ""} isOne={changed.length === 1} />
      ))}
      {row.checkpointFailure && (
        <Failed title="The work could not be saved" failure={row.checkpointFailure} />
      )}
      {row.pushing && (
        <Item icon={<Spinner />}>Pushing the branch and looking whether it arrived</Item>
      )}
      {row.pushed?.map((push) => (
        <Item
          key={`${push.url} ${push.branch}`}
          icon={<GitBranch />}
          end={<CopyButton text={push.branch} label="Copy the branch" />}
        >
          Pushed to <code>{push.branch}</code> of {repositoryName(push.url)} at{" "}
          <code>{push.commit.slice(0, 10)}</code>
        </Item>
      ))}
      {row.pushFailure && (
        <Failed title="The branch could not be pushed" failure={row.pushFailure}>
          {row.conflict && row.conflict.files.length > 0 && (
            <span>In conflict: {row.conflict.files.join(", ")}</span>
          )}
          {row.stops && <Stopped stops={row.stops} />}
        </Failed>
      )}
      {row.checking && <Item icon={<Spinner />}>Checking the commit in a fresh sandbox</Item>}
      {row.checked?.checks.map((check) => (
        <Item key={check.command} icon={check.exitCode === 0 ? <Check /> : <TriangleAlert />}>
          Checked by Errand: <code>{check.command}</code>{" "}
          {check.exitCode === undefined ? "did not end" : `ended with ${check.exitCode}`}
        </Item>
      ))}
      {row.checked?.failure && (
        <Failed title="Not all checks were run" failure={row.checked.failure} />
      )}
      {row.pullWanted && <Item icon={<Spinner />}>Opening the pull request</Item>}
      {row.pulls?.map((pull) => (
        <Item key={`${pull.url} ${pull.number}`} icon={<GitPullRequest />}>
          <PullLink pull={pull} /> into <code>{pull.base}</code>
        </Item>
      ))}
      {row.pullFailure && (
        <Failed
          title="The pull request could not be opened; the branch stands"
          failure={row.pullFailure}
        />
      )}
    </div>
  );
});

function Item({ icon, end, children }: { icon: ReactNode; end?: ReactNode; children: ReactNode }) {
  return (
    <div className={styles.item}>
      <span className={styles.icon} aria-hidden="true">
        {icon}
      </span>
      <span className={styles.words}>{children}</span>
      {end}
    </div>
  );
}

function Saved({ repo, run, isOne }: { repo: RepoCheckpoint; run: string; isOne: boolean }) {
  const { agent } = useScope();
  const { files, additions, deletions } = repo.stat;
  return (
    <Item
      icon={<GitCommitHorizontal />}
      end={
        <Link className={styles.see} to={`/agents/${agent}/changes?run=${run}`}>
          See the changes
        </Link>
      }
    >
      {plural(repo.newCommits, "commit")}
      {isOne ? "" : ` in ${repositoryName(repo.url)}`}, {plural(files, "file")} changed since the
      start <span className={styles.added}>+{additions}</span>{" "}
      <span className={styles.removed}>−{deletions}</span>
      {repo.notes.map((note) => (
        <span key={note} className={styles.aside}>
          {note}
        </span>
      ))}
    </Item>
  );
}

function Failed(props: { title: string; failure: Failure; children?: ReactNode }) {
  const { title, failure, children } = props;
  return (
    <div className={cx(styles.item, styles.failed)} role="note">
      <span className={styles.icon} aria-hidden="true">
        <TriangleAlert />
      </span>
      <span className={styles.words}>
        <strong>{title}</strong>
        <span className={styles.aside}>{failure.message}</span>
        {children}
        <span className={styles.aside}>
          <Where failure={failure} />
        </span>
      </span>
    </div>
  );
}

/** A pull request on its page here; one of a forge also there, behind a question. */
function PullLink({ pull }: { pull: Pick<PullRequest, "number" | "link"> }) {
  const { agent } = useScope();
  const path = ownPath(pull.link);
  return (
    <>
      <Link className={styles.pull} to={path ?? `/agents/${agent}/pull-requests/${pull.number}`}>
        Pull request #{pull.number}
        <ArrowUpRight aria-hidden="true" />
      </Link>
      {path === undefined && <ExternalLink href={pull.link}>at its host</ExternalLink>}
    </>
  );
}

/** The path of a pull request that Errand keeps, whatever address the server goes by. */
function ownPath(link: string): string | undefined {
  return /^[^?#]*(\/agents\/bc-[0-9a-f-]+\/pull-requests\/\d+)$/.exec(link)?.[1];
}
