/** Images that go with a message: what is taken, and why something is not. */

/** What the server takes: so many, each so large. */
export const IMAGES_MAX = 5;
export const IMAGE_BYTES = 15 * 1024 * 1024;
const TYPES = new Set(["image/png", "image/jpeg", "image/gif", "image/webp"]);
export const ACCEPT = [...TYPES].join(",");

export interface Taken {
  images: File[];
  refused?: string;
}

/** Adds files to those chosen already. */
export function addImages(chosen: readonly File[], more: readonly File[]): Taken {
  const images = [...chosen];
  const refusals: string[] = [];
  for (const file of more) {
    if (!TYPES.has(file.type)) refusals.push(`${file.name} is not a PNG, JPEG, GIF or WebP image.`);
    else if (file.size > IMAGE_BYTES) refusals.push(`${file.name} is larger than 15 MB.`);
    else if (images.length >= IMAGES_MAX) refusals.push(`A message takes ${IMAGES_MAX} images.`);
    else images.push(file);
  }
  return refusals.length > 0 ? { images, refused: [...new Set(refusals)].join(" ") } : { images };
}

/** Image files of a paste or a drop. */
export function filesOf(data: DataTransfer | null): File[] {
  return [...(data?.files ?? [])];
}
