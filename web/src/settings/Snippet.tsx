import { CopyButton } from "../ui/CopyButton";
import styles from "./Settings.module.css";

interface SnippetProps {
  /** Where it goes: "In errand.toml". */
  label: string;
  text: string;
}

/** Lines for a file or a terminal, to be copied. */
export function Snippet({ label, text }: SnippetProps) {
  return (
    <figure className={styles.snippet}>
      <figcaption className={styles.snippetHead}>
        {label}
        <CopyButton text={text} label={`Copy: ${label}`} />
      </figcaption>
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset cannot be preformatted */}
      <pre
        className={styles.snippetText}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: long lines must scroll by keyboard
        tabIndex={0}
        role="group"
        aria-label={label}
      >
        {text}
      </pre>
    </figure>
  );
}
