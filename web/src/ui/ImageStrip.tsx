import { X } from "lucide-react";
import { useEffect, useState } from "react";
import { IconButton } from "./Button";
import styles from "./ImageStrip.module.css";

interface ImageStripProps {
  images: readonly File[];
  onRemove(index: number): void;
}

/** Small pictures of what will be sent along. */
export function ImageStrip({ images, onRemove }: ImageStripProps) {
  if (images.length === 0) return null;
  return (
    <ul className={styles.strip} aria-label="Images">
      {images.map((image, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: two pasted images may be alike in everything else
        <li key={`${index} ${image.name} ${image.size}`} className={styles.image}>
          <Thumbnail image={image} />
          <IconButton
            size="s"
            variant="secondary"
            label={`Remove ${image.name || "image"}`}
            icon={<X />}
            className={styles.remove ?? ""}
            onPress={() => onRemove(index)}
          />
        </li>
      ))}
    </ul>
  );
}

function Thumbnail({ image }: { image: File }) {
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    const made = URL.createObjectURL(image);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [image]);
  return <img src={url} alt={image.name || "Pasted image"} className={styles.thumbnail} />;
}
