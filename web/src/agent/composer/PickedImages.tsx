import { X } from "lucide-react";
import { IconButton } from "../../ui/Button";
import { useObjectUrl } from "../../ui/useObjectUrl";
import styles from "./Composer.module.css";

/** Thumbnails of images that go with the message. */
export function PickedImages(props: { images: File[]; onChange(images: File[]): void }) {
  const { images, onChange } = props;
  if (images.length === 0) return null;
  return (
    <ul className={styles.images}>
      {images.map((image, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the same file may be added twice
        <li key={`${image.name} ${at}`} className={styles.thumb}>
          <Thumb image={image} />
          <IconButton
            label={`Leave out ${image.name}`}
            size="s"
            icon={<X />}
            onPress={() => onChange(images.filter((_, other) => other !== at))}
          />
        </li>
      ))}
    </ul>
  );
}

function Thumb({ image }: { image: File }) {
  const url = useObjectUrl(image);
  return url === undefined ? null : <img src={url} alt={image.name} />;
}
