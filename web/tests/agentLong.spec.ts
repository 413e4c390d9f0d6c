import { expect, test } from "./kit";
import { PacedHouse } from "./kit/long";

/** Events of the long log. */
const EVENTS = process.env.ERRAND_TEST_COUNTS === "full" ? 50_000 : 12_000;
const STEPS = 200;
const STEP_PX = 450;
/** What a row may move by while one reads, beside what one scrolls. */
const MOVED_MAX_PX = 4;

test.skip(
  ({ viewport, colorScheme }) => (viewport?.width ?? 0) < 1000 || colorScheme === "dark",
  "size and theme change nothing here",
);

let paced: PacedHouse;

test.beforeAll(async ({ house }) => {
  paced = await PacedHouse.start(house);
});

test.afterAll(() => paced.stop());

test("a long log stays in its place while it is read back, and is jumped through", async ({
  page,
}) => {
  test.setTimeout(600_000);
  const { id, seq } = await paced.longLog(EVENTS);
  expect(seq).toBeGreaterThan(EVENTS * 0.9);
  await page.goto(`/agents/${id}`);
  const talk = page.getByRole("region", { name: "Conversation" });
  await expect(talk.getByText("word2").last()).toBeVisible();
  const read = await talk.evaluate(readBack, { steps: STEPS, px: STEP_PX });
  expect(read.compared).toBeGreaterThan(STEPS);
  expect(Math.max(...read.moved)).toBeLessThan(MOVED_MAX_PX);

  await page.getByRole("button", { name: "Jump to a run" }).click();
  await page.getByRole("menuitem").last().click();
  await expect(talk.getByText("Step 1.", { exact: true })).toBeVisible();
  await page.getByRole("button", { name: "Jump to latest" }).click();
  await expect(talk.getByText("word2").last()).toBeVisible();
});

test("older steps that come while one waits at the top do not push away what is read", async ({
  page,
}) => {
  const { id } = await paced.longLog(3000);
  await page.goto(`/agents/${id}`);
  const talk = page.getByRole("region", { name: "Conversation" });
  await expect(talk.getByText("word2").last()).toBeVisible();
  // Ten times to the very top at once: faster than any page of the log can come.
  const read = await talk.evaluate(readBack, { steps: 10, px: 1_000_000 });
  expect(Math.max(...read.moved)).toBeLessThan(MOVED_MAX_PX);
});

/** In the page: scrolls up step by step, and notes by how much rows moved beside that in any frame. */
async function readBack(element: Element, { steps, px }: { steps: number; px: number }) {
  const FRAMES = 3;
  const moved: number[] = [0];
  let compared = 0;
  let wanted = 0;
  let before = new Map<string, number>();
  const look = () => {
    const box = element.getBoundingClientRect();
    const now = new Map<string, number>();
    for (const row of element.querySelectorAll("[id^='row-']")) {
      const { top, bottom, height } = row.getBoundingClientRect();
      if (height > 0 && bottom > box.top && top < box.bottom) now.set(row.id, bottom);
    }
    const anchor = [...now.keys()].findLast((id) => before.has(id));
    const was = before.get(anchor ?? "");
    // After a step of more than a screen nothing is left to compare with.
    if (anchor !== undefined && was !== undefined) {
      compared += 1;
      moved.push(Math.abs((now.get(anchor) ?? 0) - was - wanted));
    } else if (wanted === 0 && before.size > 0) moved.push(Number.POSITIVE_INFINITY);
    wanted = 0;
    before = now;
  };
  for (let step = 0; step < steps; step += 1) {
    const by = Math.min(px, element.scrollTop);
    // As a hand at a wheel does it: what scrolls by itself is no sign that somebody reads.
    element.dispatchEvent(new WheelEvent("wheel"));
    element.scrollTop -= by;
    wanted = by;
    for (let frame = 0; frame < FRAMES; frame += 1) {
      // After the frame was painted: rows are measured, and put right, just before that.
      await new Promise((go) => requestAnimationFrame(() => setTimeout(go)));
      look();
    }
  }
  return { moved, compared };
}
