import { Check } from "lucide-react";
import { explain } from "../api/errors";
import { Spinner } from "../ui/Button";
import { Banner } from "../ui/ErrorState";
import styles from "./Settings.module.css";
import type { useSetting } from "./useSetting";

/** Whether the last change was saved. */
export function Saved({ mutation }: Pick<ReturnType<typeof useSetting>, "mutation">) {
  if (mutation.isError) {
    return <Banner tone="red">Not saved. {explain(mutation.error).message}</Banner>;
  }
  return (
    <p className={styles.saved} role="status">
      {mutation.isPending && (
        <>
          <Spinner /> Saving…
        </>
      )}
      {mutation.isSuccess && (
        <>
          <Check aria-hidden="true" /> Saved. It holds for new agents from now on.
        </>
      )}
    </p>
  );
}
