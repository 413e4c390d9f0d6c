import type { OutputBundle, OutputChunk } from "rollup";
import type { Plugin } from "vite";

const START = '<script src="/start.js"';

/**
 * Writes into the page which files the code of its first views is, as `data-…` of `start.js`, so that
 * they are fetched beside the app's own code. Views are given by the modules that they load.
 */
export function ahead(views: Record<string, readonly string[]>): Plugin {
  return {
    name: "errand-ahead",
    apply: "build",
    transformIndexHtml: {
      order: "post",
      handler(html, { bundle }) {
        if (bundle === undefined || !html.includes(START)) throw new Error("no start.js to tell");
        const isThere = new Set(filesOf(entry(bundle), bundle));
        const data = Object.entries(views).map(([view, modules]) => {
          const files = modules.flatMap((module) => filesOf(chunkOf(module, bundle), bundle));
          const missing = new Set(files.filter((file) => !isThere.has(file)));
          return ` data-${view}="${[...missing].map((file) => `/${file}`).join(" ")}"`;
        });
        return html.replace(START, START + data.join(""));
      },
    },
  };
}

function chunks(bundle: OutputBundle): OutputChunk[] {
  return Object.values(bundle).filter((output) => output.type === "chunk");
}

function entry(bundle: OutputBundle): OutputChunk {
  const found = chunks(bundle).find((chunk) => chunk.isEntry);
  if (found === undefined) throw new Error("the build has no entry");
  return found;
}

function chunkOf(module: string, bundle: OutputBundle): OutputChunk {
  const found = chunks(bundle).find((chunk) => chunk.facadeModuleId?.endsWith(module));
  if (found === undefined) throw new Error(`the build has no chunk of ${module}`);
  return found;
}

/** A chunk, its style sheets, and all that it imports. */
function filesOf(chunk: OutputChunk, bundle: OutputBundle, files = new Set<string>()): string[] {
  if (files.has(chunk.fileName)) return [];
  files.add(chunk.fileName);
  for (const style of chunk.viteMetadata?.importedCss ?? []) files.add(style);
  for (const name of chunk.imports) {
    const imported = bundle[name];
    if (imported?.type === "chunk") filesOf(imported, bundle, files);
  }
  return [...files];
}
