/** Answers that `public/start.js` asked for before the app's code was there. */

/** An older answer is asked for again, in milliseconds since the page was opened. */
const FRESH_MS = 10_000;

const answers: unknown = Reflect.get(globalThis, "errandAsked");

/** Whether anything was: nothing is before somebody can be signed in. */
export const isAskedAhead = answers instanceof Map;

/** What was asked for ahead, once and if there was an answer; or else what is asked for now. */
export async function aheadOr(path: string, ask: () => Promise<Response>): Promise<Response> {
  return (await take(path)?.catch(() => undefined)) ?? ask();
}

function take(path: string): Promise<Response> | undefined {
  if (!(answers instanceof Map)) return undefined;
  const answer = answers.get(path) as Promise<Response> | undefined;
  answers.delete(path);
  return performance.now() < FRESH_MS ? answer : undefined;
}
