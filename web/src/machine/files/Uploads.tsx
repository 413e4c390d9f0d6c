import { X } from "lucide-react";
import { visible } from "../../diff/segments";
import { Button, IconButton } from "../../ui/Button";
import styles from "./Uploads.module.css";
import type { UploadList, UploadState } from "./useUploads";

const WORDS: Record<UploadState["status"], string> = {
  waiting: "Waiting",
  sending: "Uploading",
  done: "Uploaded",
  exists: "There is a file of this name already",
  failed: "Failed",
};

/** Files on their way in. */
export function Uploads({ uploads }: { uploads: UploadList }) {
  if (uploads.items.length === 0) return null;
  return (
    <ul className={styles.uploads} aria-label="Uploads">
      {uploads.items.map((item) => (
        <li key={item.id} className={styles.item}>
          <span className={styles.facts}>
            <span className={styles.name}>{visible(item.name)}</span>
            <span className={styles.status} role="status">
              {item.problem ?? WORDS[item.status]}
            </span>
            {item.status === "sending" && (
              <progress
                className={styles.progress}
                max={1}
                value={item.part}
                aria-label={item.name}
              />
            )}
          </span>
          {item.status === "exists" && (
            <Button size="s" onPress={() => uploads.replace(item.id)}>
              Replace
            </Button>
          )}
          {item.status !== "sending" && (
            <IconButton
              size="s"
              label="Take off this list"
              icon={<X />}
              onPress={() => uploads.dismiss(item.id)}
            />
          )}
        </li>
      ))}
    </ul>
  );
}
