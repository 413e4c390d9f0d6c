import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** A host that knows one token, and tells whose it is. */
export interface Gitea {
  url: string;
  token: string;
  close(): void;
}

/** Serves what connecting asks and who may push (nobody), as Gitea answers it. */
export async function serveGitea(): Promise<Gitea> {
  const token = "token-of-the-bot";
  const server = createServer((request, response) => {
    const known = request.headers.authorization === `token ${token}`;
    response.setHeader("content-type", "application/json");
    if (!known) {
      response.statusCode = 401;
      response.end(JSON.stringify({ message: "user does not exist [uid: 0, name: ]" }));
      return;
    }
    if (request.url?.endsWith("/permission")) {
      response.end(JSON.stringify({ permission: "read" }));
      return;
    }
    const isList = request.url?.startsWith("/api/v1/user/repos") ?? false;
    const repository = {
      full_name: "acme/widget",
      clone_url: `${url}/acme/widget.git`,
      default_branch: "main",
      private: true,
    };
    response.end(JSON.stringify(isList ? [repository] : { id: 1, login: "errand-bot" }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, token, close: () => void server.close() };
}
