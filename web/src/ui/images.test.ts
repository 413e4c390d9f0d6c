import { expect, it } from "vitest";
import { pickImages } from "./images";

const image = (name: string, type = "image/png", size = 10) => ({ name, type, size }) as File;

it("takes five images of the known kinds", () => {
  const five = [1, 2, 3, 4, 5].map((n) => image(`${n}.png`));
  expect(pickImages([], five)).toEqual({ images: five, problem: undefined });
  expect(pickImages(five, [image("6.png")])).toEqual({
    images: five,
    problem: "A message takes 5 images.",
  });
});

it("says why an image is not taken", () => {
  expect(pickImages([], [image("a.svg", "image/svg+xml")]).problem).toMatch(/a\.svg is not/);
  expect(pickImages([], [image("b.png", "image/png", 15_000_001)]).problem).toMatch(
    /may have 15 MB/,
  );
});
