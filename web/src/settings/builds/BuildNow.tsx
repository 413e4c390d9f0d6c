import { Hammer } from "lucide-react";
import { type FormEvent, useState } from "react";
import { explain } from "../../api/errors";
import type { LaunchRepository } from "../../home/launch";
import { RepositoryChips } from "../../home/RepositoryChips";
import { Button } from "../../ui/Button";
import { Banner } from "../../ui/ErrorState";
import styles from "./Builds.module.css";
import { useBuild } from "./queries";

/** Asks for a build of repositories. */
export function BuildNow() {
  const [repositories, setRepositories] = useState<LaunchRepository[]>([]);
  const build = useBuild();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const repos = repositories.map(({ url, ref }) => ({
      url,
      ...(ref.trim() !== "" && { startingRef: ref.trim() }),
    }));
    build.mutate(repos, { onSuccess: () => setRepositories([]) });
  };
  return (
    <>
      <form className={styles.now} onSubmit={submit}>
        <RepositoryChips repositories={repositories} onChange={setRepositories} />
        <Button
          type="submit"
          icon={<Hammer />}
          isDisabled={repositories.length === 0}
          isPending={build.isPending}
        >
          Build now
        </Button>
      </form>
      {repositories.length > 1 && (
        <p className={styles.hint}>
          It holds for agents that are given the same repositories in the same order.
        </p>
      )}
      {build.isError && <Banner tone="red">{explain(build.error).message}</Banner>}
    </>
  );
}
