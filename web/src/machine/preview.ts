/** What a file can be shown as, by its name; bytes decide about text. */
export type Shown = "image" | "video" | "text" | "none";

const TYPES: Record<string, string> = {
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  gif: "image/gif",
  webp: "image/webp",
  avif: "image/avif",
  bmp: "image/bmp",
  ico: "image/x-icon",
  svg: "image/svg+xml",
  mp4: "video/mp4",
  webm: "video/webm",
  ogv: "video/ogg",
  mov: "video/quicktime",
};

const TEXT = new Set([
  "log",
  "txt",
  "md",
  "json",
  "csv",
  "tsv",
  "xml",
  "html",
  "yaml",
  "yml",
  "diff",
]);

/** Bytes of a file looked at to tell text from other things. */
const SNIFFED_BYTES = 8_000;

export function extensionOf(path: string): string {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const dot = name.lastIndexOf(".");
  return dot <= 0 ? "" : name.slice(dot + 1).toLowerCase();
}

export function mediaType(path: string): string | undefined {
  return TYPES[extensionOf(path)];
}

export function shownAs(path: string): Shown {
  const type = mediaType(path);
  if (type?.startsWith("image/")) return "image";
  if (type?.startsWith("video/")) return "video";
  return TEXT.has(extensionOf(path)) ? "text" : "none";
}

/** The text of a file, unless its bytes are no text. */
export function textOf(bytes: Uint8Array): string | undefined {
  if (bytes.subarray(0, SNIFFED_BYTES).includes(0)) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
