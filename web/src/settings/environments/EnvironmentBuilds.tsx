import { Link } from "react-router";
import { StatusDot } from "../../ui/Badge";
import { ErrorState } from "../../ui/ErrorState";
import { Skeleton } from "../../ui/Skeleton";
import { Time } from "../../ui/Time";
import { namesOf, originOf, statusOf } from "../builds/builds";
import { useBuilds } from "../builds/queries";
import rows from "../Rows.module.css";
import { buildsOf } from "./environments";

/** The builds that followed an environment, with the version that each followed. */
export function EnvironmentBuilds({ id, version }: { id: string; version: number }) {
  const builds = useBuilds();
  if (builds.isPending) return <Skeleton height={44} radius={6} />;
  if (builds.data === undefined) {
    return (
      <ErrorState
        title="Could not load the builds"
        error={builds.error}
        onRetry={() => void builds.refetch()}
      />
    );
  }
  const own = buildsOf(id, builds.data);
  if (own.length === 0) {
    return (
      <p className={rows.facts}>
        None yet. The first agent that has to run its install has one made for the next.
      </p>
    );
  }
  return (
    <ul className={rows.list} aria-label="Builds">
      {own.map((build) => (
        <li key={build.layer} className={rows.item}>
          <span className={rows.facts}>
            <StatusDot {...statusOf(build)} />
            <span>
              {build.environment?.version === version
                ? `of version ${version}, the current one`
                : `of version ${build.environment?.version}`}
            </span>
            <span>{namesOf(build.repos)}</span>
            <span>
              {originOf(build)} <Time at={build.createdAt} />
            </span>
            <Link to={`/agents/${build.id}`}>Log</Link>
          </span>
        </li>
      ))}
    </ul>
  );
}
