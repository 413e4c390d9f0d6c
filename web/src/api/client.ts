import createClient, { type Middleware } from "openapi-fetch";
import { aheadOr } from "./asked";
import { ApiError, apiError } from "./errors";
import type { paths } from "./schema";

const SAFE_METHODS = new Set(["GET", "HEAD"]);

// The cookie signs every request; this header shows that a page of ours sent it.
const mark: Middleware = {
  onRequest({ request }) {
    if (!SAFE_METHODS.has(request.method)) request.headers.set("x-errand-client", "web");
    return request;
  },
};

/** The typed client of everything in `openapi.json`. */
export const api = createClient<paths>({
  baseUrl: location.origin,
  credentials: "same-origin",
  fetch: (request) => {
    const { pathname, search } = new URL(request.url);
    return ask(request.method, pathname + search, () => fetch(request));
  },
});
api.use(mark);

/** The body of an answer, or an `ApiError`. */
export async function unwrap<T>(
  answer: Promise<{ data?: T; error?: unknown; response: Response }>,
): Promise<T> {
  const { data, error, response } = await answer;
  if (!response.ok) throw apiError(response.status, error);
  return data as T;
}

interface CallOptions {
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** A plain request, for bytes and for what is not in `openapi.json`. */
export async function send(method: string, path: string, init?: CallOptions & { raw?: BodyInit }) {
  const headers = new Headers(init?.headers);
  if (!SAFE_METHODS.has(method)) headers.set("x-errand-client", "web");
  let body: BodyInit | undefined = init?.raw;
  if (init?.body !== undefined) {
    headers.set("content-type", "application/json");
    body = JSON.stringify(init.body);
  }
  const response = await ask(method, path, () =>
    fetch(path, {
      method,
      headers,
      credentials: "same-origin",
      ...(body !== undefined && { body }),
      ...(init?.signal && { signal: init.signal }),
    }),
  );
  if (response.ok) return response;
  throw apiError(response.status, await json(response));
}

/** A plain request whose answer is JSON; `undefined` for an empty one. */
export async function call<T>(method: string, path: string, init?: CallOptions): Promise<T> {
  const response = await send(method, path, init);
  return (response.status === 204 ? undefined : await json(response)) as T;
}

/** Opens a socket of the given kind with a fresh one-time ticket. */
export async function openSocket(path: string, kind: string): Promise<WebSocket> {
  const { ticket } = await call<{ ticket: string }>("POST", "/v1/tickets", { body: {} });
  const url = new URL(path, location.origin.replace(/^http/, "ws"));
  return new WebSocket(url, [`errand.${kind}.v1`, `ticket.${ticket}`]);
}

function ask(method: string, path: string, now: () => Promise<Response>): Promise<Response> {
  return method === "GET" ? aheadOr(path, now) : now();
}

async function json(response: Response): Promise<unknown> {
  const text = await response.text();
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    if (response.ok) throw new ApiError(response.status, "not_json", "the answer was not JSON");
    return undefined;
  }
}
