import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** Notes every request that reaches it; there must be none. */
export class Canary {
  readonly seen: string[] = [];
  readonly #server: Server = createServer((request, response) => {
    this.seen.push(request.url ?? "");
    response.end("caught");
  });

  /** Its address. */
  async listen(): Promise<string> {
    await new Promise<void>((done) => this.#server.listen(0, "127.0.0.1", done));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
