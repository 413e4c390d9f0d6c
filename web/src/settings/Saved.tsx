import { Check } from "lucide-react";
import { explain } from "../api/errors";
import { Spinner } from "../ui/Button";
import { Banner } from "../ui/ErrorState";
import styles from "./Settings.module.css";
import type { useSetting } from "./useSetting";

type Mutation = ReturnType<typeof useSetting>["mutation"];

interface SavedProps {
  mutation: Pick<Mutation, "isError" | "isPending" | "isSuccess" | "error">;
  /** For whom it holds. */
  holds?: string;
}

/** Whether the last change was saved. */
export function Saved({ mutation, holds = "for new agents from now on" }: SavedProps) {
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
          <Check aria-hidden="true" /> Saved. It holds {holds}.
        </>
      )}
    </p>
  );
}
