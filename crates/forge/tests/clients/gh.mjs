// The vendor's own command against our fake of the host. It speaks TLS only, so this stands before the fake.
// Prints one line of JSON a check, with `failed` where it failed; the test reads them.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { promisify } from "node:util";

const { FORGE_URL, FORGE_TOKEN, FORGE_HEAD: head, FORGE_TLS: folder } = process.env;
const fake = new URL(FORGE_URL);
const tls = { cert: readFileSync(`${folder}/leaf.pem`), key: readFileSync(`${folder}/key.pem`) };
const front = https.createServer(tls, (request, response) => {
  const { method, headers, url: path } = request;
  const options = { host: fake.hostname, port: fake.port, method, headers, path };
  const beyond = http.request(options, (answer) => {
    const told = { ...answer.headers };
    // The fake links to itself, where the real host links to where it was asked.
    told.link = told.link?.replaceAll(`http://${fake.host}`, `https://${host}`);
    if (told.link === undefined) delete told.link;
    response.writeHead(answer.statusCode, told);
    answer.pipe(response);
  });
  request.pipe(beyond);
});
await new Promise((done) => front.listen(0, "127.0.0.1", done));
const host = `127.0.0.1:${front.address().port}`;
const env = {
  PATH: process.env.PATH, HOME: folder, GH_CONFIG_DIR: folder, GH_HOST: host, GH_PROMPT_DISABLED: "1",
  GH_ENTERPRISE_TOKEN: FORGE_TOKEN, GH_NO_UPDATE_NOTIFIER: "1", SSL_CERT_FILE: `${folder}/authority.pem`,
};
const run = promisify(execFile);
const here = "repos/acme/widget";
let pull;
let failures = 0;

async function gh(...args) {
  return (await run("gh", ["api", ...args], { env })).stdout.trim();
}

async function check(name, action) {
  try {
    await action();
    console.log(JSON.stringify({ check: name }));
  } catch (error) {
    failures += 1;
    console.log(JSON.stringify({ check: name, failed: `${error} ${error.stderr ?? ""}` }));
  }
}

await check("who", async () => assert.equal(await gh("user", "-q", ".login"), "errand-bot"));
await check("refused", async () => {
  await assert.rejects(gh("repos/acme/none"), /Not Found \(HTTP 404\)/);
  const stranger = { ...env, GH_ENTERPRISE_TOKEN: "nobody" };
  await assert.rejects(run("gh", ["api", "user"], { env: stranger }), /Bad credentials \(HTTP 401\)/);
});
await check("pages", async () => {
  const names = await gh("--paginate", `${here}/branches?per_page=1`, "-q", ".[].name");
  assert.ok(names.split("\n").length > 2 && names.split("\n").includes(head));
});
await check("create", async () => {
  const fields = ["-f", "title=Title", "-f", "body=Body", "-f", `head=${head}`, "-f", "base=main"];
  pull = JSON.parse(await gh(`${here}/pulls`, ...fields, "-F", "draft=true"));
  assert.deepEqual([pull.draft, pull.state, pull.head.ref], [true, "open", head]);
  await assert.rejects(gh(`${here}/pulls`, ...fields), /HTTP 422/);
});
await check("draft", async () => {
  const query = `mutation($id: ID!) {
    markPullRequestReadyForReview(input: {pullRequestId: $id}) { pullRequest { isDraft } }
  }`;
  await gh("graphql", "-f", `query=${query}`, "-f", `id=${pull.node_id}`);
  assert.equal(await gh(`${here}/pulls/${pull.number}`, "-q", ".draft"), "false");
});
await check("comments", async () => {
  const where = `${here}/issues/${pull.number}/comments`;
  for (const said of ["One", "Two"]) await gh(where, "-f", `body=${said}`);
  const pages = `${where}?per_page=1`;
  assert.equal(await gh("--paginate", pages, "-q", ".[].body"), "One\nTwo");
});
await check("merge", async () => {
  const order = ["-X", "PUT", `${here}/pulls/${pull.number}/merge`, "-f", `sha=${pull.head.sha}`];
  assert.equal(await gh(...order, "-q", ".merged"), "true");
});
front.close();
front.closeAllConnections();
process.exitCode = failures === 0 ? 0 : 1;
