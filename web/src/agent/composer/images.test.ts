import { expect, it } from "vitest";
import { addImages } from "./images";

function file(name: string, type: string): File {
  return new File(["x"], name, { type });
}

it("takes five images and says why it takes no more", () => {
  const six = Array.from({ length: 6 }, (_, at) => file(`${at}.png`, "image/png"));
  const { images, refused } = addImages([], six);
  expect(images).toHaveLength(5);
  expect(refused).toBe("A message takes 5 images.");
});

it("refuses what is no image", () => {
  const { images, refused } = addImages([], [file("a.svg", "image/svg+xml")]);
  expect(images).toEqual([]);
  expect(refused).toContain("a.svg");
});
