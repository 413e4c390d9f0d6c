import { FileCode, Plus } from "lucide-react";
import { Link, useNavigate } from "react-router";
import { useSession } from "../../api/queries";
import { Button } from "../../ui/Button";
import { EmptyState } from "../../ui/EmptyState";
import { ErrorState } from "../../ui/ErrorState";
import { Skeleton } from "../../ui/Skeleton";
import { Time } from "../../ui/Time";
import { visibleBidi } from "../../ui/untrusted";
import { namesOf } from "../builds/builds";
import rows from "../Rows.module.css";
import { useEnvironments } from "./queries";

/** All saved environments, each a link to its page. */
export function EnvironmentList() {
  const environments = useEnvironments();
  const admin = useSession().data?.admin ?? false;
  const navigate = useNavigate();
  if (environments.isPending) {
    return (
      <div role="status" aria-label="Loading the saved environments">
        <Skeleton height={44} radius={6} />
      </div>
    );
  }
  const known = environments.data;
  if (known === undefined) {
    return (
      <ErrorState
        title="Could not load the saved environments"
        error={environments.error}
        onRetry={() => void environments.refetch()}
      />
    );
  }
  const add = admin && (
    <Button icon={<Plus />} onPress={() => void navigate("/settings/environments/new")}>
      New environment
    </Button>
  );
  if (known.length === 0) {
    return (
      <EmptyState
        icon={<FileCode aria-hidden="true" />}
        title="No saved environments yet"
        actions={add}
      >
        Save one for a repository that shall or can have no environment file.
      </EmptyState>
    );
  }
  return (
    <>
      <ul className={rows.list}>
        {known.map(({ id, name, repos, version, updatedAt, updatedBy }) => (
          <li key={id} className={rows.item}>
            <Link className={rows.name} to={`/settings/environments/${id}`}>
              {visibleBidi(name)}
            </Link>
            <span className={rows.facts}>
              <span>
                {repos.length === 0
                  ? "for no repository yet"
                  : `for ${namesOf(repos.map(({ url }) => url))}`}
              </span>
              <span>
                version {version}, <Time at={updatedAt} /> by {updatedBy}
              </span>
            </span>
          </li>
        ))}
      </ul>
      <div>{add}</div>
    </>
  );
}
