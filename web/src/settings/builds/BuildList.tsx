import { Hammer } from "lucide-react";
import { explain } from "../../api/errors";
import { Button } from "../../ui/Button";
import { EmptyState } from "../../ui/EmptyState";
import { Banner, ErrorState } from "../../ui/ErrorState";
import { Skeleton } from "../../ui/Skeleton";
import { BuildRow } from "./BuildRow";
import styles from "./Builds.module.css";
import { type BuildGroup, beginningOf, groupsOf, namesOf } from "./builds";
import { useBuild, useBuilds } from "./queries";

/** All builds, by their repositories. */
export function BuildList() {
  const builds = useBuilds();
  if (builds.isPending) {
    return (
      <div className={styles.loading} role="status" aria-label="Loading the builds">
        <Skeleton width="40%" />
        <Skeleton height={44} radius={6} />
        <Skeleton height={44} radius={6} />
      </div>
    );
  }
  const known = builds.data;
  if (known === undefined) {
    return (
      <ErrorState
        title="Could not load the builds"
        error={builds.error}
        onRetry={() => void builds.refetch()}
      />
    );
  }
  if (known.length === 0) {
    return (
      <EmptyState icon={<Hammer aria-hidden="true" />} title="No builds yet">
        The first agent that has to run a project's <code>install</code> has one made for the next.
        Or choose a repository above.
      </EmptyState>
    );
  }
  return (
    <>
      {builds.isError && <Banner tone="amber">{explain(builds.error).message}</Banner>}
      {groupsOf(known).map((group) => (
        <Group key={group.key} group={group} />
      ))}
    </>
  );
}

function Group({ group }: { group: BuildGroup }) {
  const build = useBuild();
  const isRunning = group.builds.some(({ status }) => status === "RUNNING");
  const name = namesOf(group.repos);
  return (
    <section className={styles.group} aria-label={`Builds of ${name}`}>
      <header className={styles.groupHead}>
        <h3 className={styles.groupName} title={group.repos.join("\n")}>
          {name}
        </h3>
        <Button
          size="s"
          variant="quiet"
          icon={<Hammer />}
          isDisabled={isRunning}
          isPending={build.isPending}
          onPress={() => build.mutate(group.repos.map((url) => ({ url })))}
        >
          Build again
        </Button>
      </header>
      <p className={styles.beginning}>{beginningOf(group)}</p>
      {build.isError && <Banner tone="red">{explain(build.error).message}</Banner>}
      <ul className={styles.builds}>
        {group.builds.map((each) => (
          <BuildRow key={each.layer} build={each} group={group} />
        ))}
      </ul>
    </section>
  );
}
