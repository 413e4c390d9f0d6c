import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import type { ReadableStream } from "node:stream/web";
import type { Story } from "../fixtures/stories";

/**
 * Stands before the scripted model and whispers it the script of each prompt it knows, so that what
 * people read is a task and not a script.
 */
export class Storyteller {
  readonly #server: Server;
  readonly #model: string;
  readonly #stories: readonly Story[];

  private constructor(model: string, stories: readonly Story[]) {
    this.#model = model;
    this.#stories = stories;
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  static async start(model: string, stories: readonly Story[]): Promise<Storyteller> {
    const teller = new Storyteller(model, stories);
    await new Promise<void>((done) => teller.#server.listen(0, "127.0.0.1", done));
    return teller;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const answer = await fetch(this.#model + request.url, {
      method: request.method ?? "GET",
      headers: { "content-type": "application/json" },
      ...(pieces.length > 0 && { body: this.#told(Buffer.concat(pieces).toString("utf8")) }),
    });
    const type = answer.headers.get("content-type") ?? "application/json";
    response.writeHead(answer.status, { "content-type": type });
    if (answer.body === null) return void response.end();
    Readable.fromWeb(answer.body as ReadableStream).pipe(response);
  }

  /** The request with a script behind every prompt that is known. */
  #told(request: string): string {
    let told = request;
    for (const { prompt, turns } of this.#stories) {
      const asked = JSON.stringify(prompt).slice(1, -1);
      const script = JSON.stringify(`\nscript: ${JSON.stringify({ turns })}\n`).slice(1, -1);
      told = told.replaceAll(asked, () => asked + script);
    }
    return told;
  }
}
