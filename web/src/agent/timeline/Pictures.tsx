import { ImageIcon } from "lucide-react";
import { useState } from "react";
import { Dialog } from "../../ui/Dialog";
import { bytes } from "../../ui/format";
import { useScope } from "../useTimeline";
import type { Image } from "../wire";
import styles from "./Pictures.module.css";

interface PicturesProps {
  /** The event that has the message; unknown while an older page has it. */
  said: number | undefined;
  images: readonly Image[];
}

/** Pictures that came with a message, small; each opens large. */
export function Pictures({ said, images }: PicturesProps) {
  if (images.length === 0) return null;
  return (
    <ul className={styles.images}>
      {images.map((image, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a message never changes, and may hold one picture twice
        <li key={`${index} ${image.blob}`}>
          <Picture image={image} said={said} index={index} />
        </li>
      ))}
    </ul>
  );
}

function Picture({
  said,
  image,
  index,
}: {
  said: number | undefined;
  image: Image;
  index: number;
}) {
  const { agent } = useScope();
  const [isOpen, open] = useState(false);
  const [isLost, lose] = useState(false);
  const what = `${image.mimeType.replace("image/", "").toUpperCase()} image, ${bytes(image.size)}`;
  if (said === undefined || isLost) {
    return (
      <span className={styles.named}>
        <ImageIcon aria-hidden="true" />
        {what}
      </span>
    );
  }
  const url = `/v1/agents/${agent}/events/${said}/images/${index}`;
  return (
    <>
      <button type="button" className={styles.open} onClick={() => open(true)} title={what}>
        <img
          className={styles.small}
          src={url}
          alt={what}
          loading="lazy"
          onError={() => lose(true)}
        />
      </button>
      <Dialog isOpen={isOpen} onOpenChange={open} title={what} size="l">
        <img className={styles.large} src={url} alt={what} />
      </Dialog>
    </>
  );
}
