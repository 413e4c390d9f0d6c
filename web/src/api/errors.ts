/** A refusal of the server, in its words. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly helpUrl: string | undefined;

  constructor(status: number, code: string, message: string, helpUrl?: string) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.helpUrl = helpUrl;
  }
}

/** Reads the server's error body; a body of someone else's (a proxy's) becomes plain words. */
export function apiError(status: number, body: unknown): ApiError {
  const detail = field(body, "error");
  const code = field(detail, "code");
  const message = field(detail, "message");
  const helpUrl = field(detail, "helpUrl");
  if (typeof code === "string" && typeof message === "string") {
    return new ApiError(status, code, message, typeof helpUrl === "string" ? helpUrl : undefined);
  }
  return new ApiError(status, `http_${status}`, wordsFor(status));
}

/** What a person is told about any error. */
export function explain(error: unknown): { message: string; code: string | undefined } {
  if (error instanceof ApiError) return { message: sentence(error.message), code: error.code };
  if (error instanceof TypeError) {
    return {
      message: "The server cannot be reached. It may be restarting, or your network is down.",
      code: "network",
    };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { message: sentence(message), code: undefined };
}

/** Whether the session is over, so that signing in again is what helps. */
export function isSignedOut(error: unknown): boolean {
  return error instanceof ApiError && error.status === 401;
}

function wordsFor(status: number): string {
  if (status === 404) return "There is nothing at this address. It may have been deleted.";
  if (status === 413) return "This is larger than the server takes.";
  if (status === 429) return "Too many requests at once. Wait a moment, then try again.";
  if (status >= 500) return "The server failed to answer. Its log says why; try again in a moment.";
  return `The server refused with status ${status}.`;
}

/** The first line of a failure's message as a sentence, and what a program printed, behind it. */
export function parted(message: string): { first: string; rest: string } {
  const [first = "", ...rest] = message.trim().split("\n");
  // "It printed last:" goes, since that is seen.
  const why = rest.length > 0 ? first.replace(/(?<=\.) [^.]*:$/, "") : first;
  return { first: why.endsWith(":") ? why : sentence(why), rest: rest.join("\n") };
}

/** A fragment of the server as a sentence. */
export function sentence(text: string): string {
  const first = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(first) ? first : `${first}.`;
}

function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}
