import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

const SERVER = "arn:aws:iam::123456789012:user/errand";

/** STS of AWS as the server asks it: it gives a role to whoever brings the external id that it trusts. */
export class FakeSts {
  /** Whom the role's policy trusts; nobody at first. */
  trusted = "";
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      let body = "";
      request.on("data", (piece) => {
        body += piece;
      });
      request.on("end", () => {
        const asked = new URLSearchParams(body);
        const isSigned = /^AWS4-HMAC-SHA256 Credential=AKIAWEB\//.test(
          request.headers.authorization ?? "",
        );
        const isTrusted = asked.get("ExternalId") === this.trusted;
        const isAllowed = isSigned && (asked.get("Action") !== "AssumeRole" || isTrusted);
        response.writeHead(isAllowed ? 200 : 403, { "content-type": "text/xml" });
        response.end(isAllowed ? granted(asked.get("Action")) : REFUSED);
      });
    });
  }

  static async start(): Promise<FakeSts> {
    const sts = new FakeSts();
    await new Promise<void>((listening) => sts.#server.listen(0, "127.0.0.1", listening));
    return sts;
  }

  /** What a server is told of it. */
  get config(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `[aws]\naccess_key_id = "AKIAWEB"\nsecret_access_key = "s"\nsts_url = "http://127.0.0.1:${port}/"\n`;
  }

  stop(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((stopped) => this.#server.close(() => stopped()));
  }
}

const REFUSED =
  "<ErrorResponse><Error><Code>AccessDenied</Code><Message>User is not authorized to perform: sts:AssumeRole</Message></Error></ErrorResponse>";

function granted(action: string | null): string {
  if (action === "GetCallerIdentity") return `<Result><Arn>${SERVER}</Arn></Result>`;
  const end = new Date(Date.now() + 3_600_000).toISOString();
  return `<Result><Credentials><AccessKeyId>ASIAWEB</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>${end}</Expiration></Credentials></Result>`;
}
