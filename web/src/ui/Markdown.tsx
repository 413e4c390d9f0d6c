import { memo } from "react";
import ReactMarkdown, { type Components } from "react-markdown";
import remarkGfm from "remark-gfm";
import { ExternalLink } from "./ExternalLink";
import styles from "./Markdown.module.css";
import { hostOf, safeUrl, visibleBidi } from "./untrusted";

const COMPONENTS: Components = {
  a: ({ href, children }) => <ExternalLink href={href}>{children}</ExternalLink>,
  // TRUST: an image address would be a request to a place that the text's author chose.
  img: ({ src, alt }) => (
    <span className={styles.image}>
      Image not loaded{alt ? `: ${alt}` : ""} ({hostOf(typeof src === "string" ? src : "")})
    </span>
  ),
  table: ({ children }) => (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a wide table must scroll by keyboard
    <div className={styles.table} tabIndex={0}>
      <table>{children}</table>
    </div>
  ),
  pre: ({ children }) => (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: long lines must scroll by keyboard
    <pre tabIndex={0}>{children}</pre>
  ),
  input: ({ checked }) => (
    <input type="checkbox" checked={checked ?? false} disabled aria-label="Task" />
  ),
};

const PLUGINS = [remarkGfm];

/** Markdown of untrusted text: no HTML, no images, links that say where they lead. */
export const Markdown = memo(function Markdown({ text }: { text: string }) {
  return (
    <div className={styles.markdown}>
      <ReactMarkdown
        remarkPlugins={PLUGINS}
        components={COMPONENTS}
        urlTransform={(url) => safeUrl(url) ?? ""}
      >
        {visibleBidi(text)}
      </ReactMarkdown>
    </div>
  );
});
