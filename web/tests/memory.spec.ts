import { expect, test } from "./kit";
import { PacedHouse } from "./kit/long";

const isFull = process.env.ERRAND_TEST_COUNTS === "full";
/** How long the agent writes: an hour in `make soak`. */
const MINUTES = Number(process.env.ERRAND_MEMORY_MINUTES ?? (isFull ? 60 : 1.5));
const LOOKS = Math.max(12, Math.round(MINUTES));
/** Events before anything is measured: more than a page keeps. */
const BEFORE = 12_000;
/** By how much the heap may have grown from the third quarter to the fourth. */
const GROWTH_MAX = 1.1;

test.skip(
  ({ viewport, colorScheme }) => (viewport?.width ?? 0) < 1000 || colorScheme === "dark",
  "size and theme change nothing here",
);

test("a page under an agent that goes on writing does not grow", async ({ page, house }) => {
  test.setTimeout((MINUTES + 4) * 60_000);
  const paced = await PacedHouse.start(house);
  const id = await paced.begin({ steps: 1, pieces: 1 });
  await paced.rest(id);
  await page.goto(`/agents/${id}`);
  await expect(page.getByRole("region", { name: "Conversation" })).toBeVisible();
  const steps = Math.ceil(BEFORE / 123);
  await paced.begin({ steps, calls: 40, pieces: 1 }, id);
  await paced.rest(id);

  const devtools = await page.context().newCDPSession(page);
  const heap = async (): Promise<number> => {
    await devtools.send("HeapProfiler.collectGarbage");
    return (await devtools.send("Runtime.getHeapUsage")).usedSize;
  };
  const heaps: number[] = [];
  const began = Date.now();
  while (heaps.length < LOOKS) {
    const due = began + ((heaps.length + 1) * MINUTES * 60_000) / LOOKS;
    while (Date.now() < due) {
      await paced.begin({ steps: 20, calls: 4, pieces: 150, pauseMs: 15 }, id);
      await paced.rest(id);
    }
    heaps.push(await heap());
  }
  await paced.stop();
  const words = heaps.map((bytes) => (bytes / 1e6).toFixed(1)).join(" ");
  test.info().annotations.push({ type: "figure", description: `heap in MB: ${words}` });
  // biome-ignore lint/suspicious/noConsole: the figure is what is asked for
  console.log(`heap in MB over ${MINUTES} minutes: ${words}`);
  // Rows are kept to a number and then dropped to half of it, so that the least of each quarter counts.
  const quarter = Math.floor(heaps.length / 4);
  const third = Math.min(...heaps.slice(-2 * quarter, -quarter));
  const fourth = Math.min(...heaps.slice(-quarter));
  expect(fourth).toBeLessThan(third * GROWTH_MAX);
});
