import type { PromptImage } from "../api/types";
import { bytes } from "./format";

const IMAGES = 5;
const IMAGE_BYTES = 15_000_000;
const TYPES = new Set(["image/png", "image/jpeg", "image/gif", "image/webp"]);

/** Images that fit a message, and a sentence about those that do not. */
export function pickImages(
  have: readonly File[],
  more: Iterable<File>,
): { images: File[]; problem: string | undefined } {
  const images = [...have];
  let problem: string | undefined;
  for (const file of more) {
    const name = file.name || "This image";
    if (!TYPES.has(file.type)) problem = `${name} is not a PNG, JPEG, GIF or WebP image.`;
    else if (file.size > IMAGE_BYTES) {
      problem = `${name} has ${bytes(file.size)}; an image may have ${bytes(IMAGE_BYTES)}.`;
    } else if (images.length >= IMAGES) problem = `A message takes ${IMAGES} images.`;
    else images.push(file);
  }
  return { images, problem };
}

/** Images as the API takes them. */
export function encodeImages(files: readonly File[]): Promise<PromptImage[]> {
  return Promise.all(
    files.map(async (file) => ({ data: await base64(file), mimeType: file.type })),
  );
}

/** Files of a paste or a drop that may be images; text is left to the field. */
export function filesOf(data: DataTransfer | null): File[] {
  return [...(data?.files ?? [])];
}

function base64(file: File): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result).replace(/^[^,]*,/, ""));
    reader.onerror = () => reject(new Error(`${file.name} could not be read`));
    reader.readAsDataURL(file);
  });
}
