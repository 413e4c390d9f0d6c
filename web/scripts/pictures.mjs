// Makes docs/pictures of what the test `pictures` kept: WebP without loss, of few colours, by the browser.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "@playwright/test";

const FROM = new URL("../tests/screenshots/pages/", import.meta.url).pathname;
const TO = new URL("../../docs/pictures/", import.meta.url).pathname;
const ALL_MAX_BYTES = 3_000_000;

/** What is shown of the phone. */
const PHONE = ["home-phone-light.png", "agent-done-phone-dark.png", "changes-phone-light.png"];

const chosen = readdirSync(FROM).filter((name) => /-desktop-/.test(name) || PHONE.includes(name));
if (chosen.length === 0) throw new Error("there are no pictures: `npm run pictures` takes them");
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
});
const page = await browser.newPage();
mkdirSync(TO, { recursive: true });
for (const old of readdirSync(TO)) if (/\.(png|webp)$/.test(old)) rmSync(join(TO, old));
let all = 0;
for (const name of chosen) {
  const png = readFileSync(join(FROM, name)).toString("base64");
  const webp = Buffer.from(await page.evaluate(encode, png), "base64");
  writeFileSync(join(TO, name.replace("-desktop", "").replace(/png$/, "webp")), webp);
  all += webp.length;
}
await browser.close();
process.stdout.write(`${chosen.length} pictures, ${(all / 1e6).toFixed(2)} MB\n`);
if (all > ALL_MAX_BYTES) throw new Error(`more than ${ALL_MAX_BYTES} bytes: leave some out`);

/** In the page: flat areas keep their colour, the edges of letters share a few. */
async function encode(png) {
  const FLAT_SHARE = 0.0004;
  const COLOURS_MAX = 56;
  const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${png}`)).blob());
  const canvas = new OffscreenCanvas(image.width, image.height);
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  const data = context.getImageData(0, 0, image.width, image.height);
  const pixels = new Uint32Array(data.data.buffer);
  const counts = new Map();
  for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) ?? 0) + 1);
  const channels = (pixel) => [pixel & 255, (pixel >> 8) & 255, (pixel >> 16) & 255];
  const often = [...counts].sort((a, b) => b[1] - a[1]);
  const palette = often
    .filter(([, count]) => count > pixels.length * FLAT_SHARE)
    .map(([pixel]) => pixel);
  const groups = new Map();
  for (const [pixel, count] of often) {
    const group = channels(pixel)
      .map((channel) => channel >> 5)
      .join();
    const known = groups.get(group) ?? { pixel, count: 0 };
    groups.set(group, { pixel: known.pixel, count: known.count + count });
  }
  const rest = [...groups.values()].sort((a, b) => b.count - a.count).map(({ pixel }) => pixel);
  const chosen = [...new Set([...palette.slice(0, COLOURS_MAX / 2), ...rest])].slice(
    0,
    COLOURS_MAX,
  );
  const distance = (a, b) => {
    const [left, right] = [channels(a), channels(b)];
    return left.reduce((sum, channel, at) => sum + (channel - right[at]) ** 2, 0);
  };
  const nearest = new Map();
  for (const pixel of counts.keys()) {
    nearest.set(
      pixel,
      chosen.reduce((best, each) => (distance(pixel, each) < distance(pixel, best) ? each : best)),
    );
  }
  for (const [at, pixel] of pixels.entries()) pixels[at] = nearest.get(pixel);
  context.putImageData(data, 0, 0);
  const blob = await canvas.convertToBlob({ type: "image/webp", quality: 1 });
  let text = "";
  for (const byte of new Uint8Array(await blob.arrayBuffer())) text += String.fromCharCode(byte);
  return btoa(text);
}
