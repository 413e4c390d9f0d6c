// The vendor's official client against our fake of the host, so that both sides of our own tests are not
// wrong alike. Prints one line of JSON a check, with `failed` where it failed; the test reads them.
import assert from "node:assert/strict";
import { Octokit } from "@octokit/rest";

const { FORGE_URL: url, FORGE_TOKEN: auth, FORGE_HEAD: head } = process.env;
const octokit = new Octokit({ auth, baseUrl: `${url}/api/v3` });
const here = { owner: "acme", repo: "widget" };
let pull;
let failures = 0;

async function check(name, action) {
  try {
    await action();
    console.log(JSON.stringify({ check: name }));
  } catch (error) {
    failures += 1;
    console.log(JSON.stringify({ check: name, failed: String(error) }));
  }
}

await check("who", async () => {
  assert.equal((await octokit.rest.users.getAuthenticated()).data.login, "errand-bot");
});
await check("refused", async () => {
  const other = new Octokit({ auth: "nobody", baseUrl: `${url}/api/v3` });
  await assert.rejects(other.rest.users.getAuthenticated(), { status: 401 });
});
await check("repository", async () => {
  const { data } = await octokit.rest.repos.get(here);
  assert.equal(data.default_branch, "main");
  assert.equal(data.permissions.push, true);
  await assert.rejects(octokit.rest.repos.get({ ...here, repo: "none" }), { status: 404 });
});
await check("branches", async () => {
  const { data } = await octokit.rest.repos.getBranch({ ...here, branch: head });
  assert.match(data.commit.sha, /^[0-9a-f]{40}$/);
  const all = await octokit.paginate(octokit.rest.repos.listBranches, { ...here, per_page: 1 });
  assert.ok(all.length > 2 && all.some((branch) => branch.name === head));
});
await check("compare", async () => {
  const basehead = `main...${head}`;
  const { data } = await octokit.rest.repos.compareCommitsWithBasehead({ ...here, basehead });
  assert.deepEqual([data.ahead_by, data.behind_by], [1, 0]);
});
await check("create", async () => {
  const wish = { ...here, title: "Title", body: "Body", head, base: "main", draft: true };
  pull = (await octokit.rest.pulls.create(wish)).data;
  assert.deepEqual([pull.draft, pull.state, pull.head.ref], [true, "open", head]);
  await assert.rejects(octokit.rest.pulls.create(wish), (error) => {
    assert.equal(error.status, 422);
    return /already exists/.test(error.message);
  });
  await assert.rejects(octokit.rest.pulls.create({ ...wish, head: "none" }), { status: 422 });
});
await check("find", async () => {
  const wanted = { ...here, head: `acme:${head}`, state: "open" };
  const { data } = await octokit.rest.pulls.list(wanted);
  assert.deepEqual(data.map((found) => found.number), [pull.number]);
});
await check("update", async () => {
  const change = { ...here, pull_number: pull.number, title: "New" };
  assert.equal((await octokit.rest.pulls.update(change)).data.title, "New");
});
await check("draft", async () => {
  const order = { ...here, pull_number: pull.number };
  await assert.rejects(octokit.rest.pulls.merge(order), { status: 405 });
  const query = `mutation($id: ID!) {
    markPullRequestReadyForReview(input: {pullRequestId: $id}) { pullRequest { isDraft } }
  }`;
  await octokit.graphql(query, { id: pull.node_id });
  assert.equal((await octokit.rest.pulls.get(order)).data.draft, false);
});
await check("reviewers and labels", async () => {
  const order = { ...here, pull_number: pull.number, reviewers: ["rita"] };
  const { data } = await octokit.rest.pulls.requestReviewers(order);
  assert.deepEqual(data.requested_reviewers.map((user) => user.login), ["rita"]);
  const labels = { ...here, issue_number: pull.number, labels: ["errand"] };
  assert.equal((await octokit.rest.issues.addLabels(labels)).data[0].name, "errand");
});
await check("comments", async () => {
  const where = { ...here, issue_number: pull.number };
  for (let n = 0; n < 7; n += 1) {
    await octokit.rest.issues.createComment({ ...where, body: `Comment ${n}` });
  }
  const all = await octokit.paginate(octokit.rest.issues.listComments, { ...where, per_page: 3 });
  assert.deepEqual(all.map((said) => said.body), [...Array(7).keys()].map((n) => `Comment ${n}`));
  const edit = { ...here, comment_id: all[0].id, body: "Edited" };
  assert.equal((await octokit.rest.issues.updateComment(edit)).data.body, "Edited");
});
await check("checks", async () => {
  const sha = pull.head.sha;
  const status = { ...here, sha, state: "success", context: "errand/gate", description: "Fine." };
  await octokit.rest.repos.createCommitStatus(status);
  const { data } = await octokit.rest.repos.getCombinedStatusForRef({ ...here, ref: sha });
  assert.deepEqual(data.statuses.map((told) => told.context), ["errand/gate"]);
  const runs = await octokit.paginate(octokit.rest.checks.listForRef, { ...here, ref: sha });
  assert.deepEqual(runs, []);
});
await check("permissions", async () => {
  const ask = (username) =>
    octokit.rest.repos.getCollaboratorPermissionLevel({ ...here, username });
  assert.equal((await ask("rita")).data.permission, "write");
  await assert.rejects(ask("nobody-at-all"), { status: 404 });
});
await check("contents", async () => {
  const path = ".github/pull_request_template.md";
  const { data } = await octokit.rest.repos.getContent({ ...here, path });
  assert.equal(Buffer.from(data.content, "base64").toString(), "## Why\n");
});
await check("issues", async () => {
  const where = { ...here, issue_number: Number(process.env.FORGE_ISSUE) };
  const { data } = await octokit.rest.issues.get(where);
  assert.deepEqual([data.title, data.state, data.user.login], ["It crashes", "open", "rita"]);
  assert.equal(data.pull_request, undefined);
  await octokit.rest.issues.createComment({ ...where, body: "Seen." });
  const said = await octokit.paginate(octokit.rest.issues.listComments, where);
  assert.deepEqual(said.map((one) => one.body), ["Seen."]);
  const pullTold = await octokit.rest.issues.get({ ...here, issue_number: pull.number });
  assert.ok(pullTold.data.pull_request.url);
});
await check("jobs", async () => {
  const ref = process.env.FORGE_FAILED;
  const runs = await octokit.paginate(octokit.rest.checks.listForRef, { ...here, ref });
  assert.deepEqual(runs.map((run) => [run.name, run.conclusion]), [["build", "failure"]]);
  const remarks = { ...here, check_run_id: runs[0].id };
  assert.deepEqual((await octokit.rest.checks.listAnnotations(remarks)).data, []);
  // The client takes the credential along to the same host, where the real one stores no logs.
  const job = { ...here, job_id: runs[0].id, request: { redirect: "manual" } };
  const told = await octokit.rest.actions.downloadJobLogsForWorkflowRun(job);
  assert.equal(await (await fetch(told.headers.location)).text(), "it broke here");
});
await check("merge", async () => {
  const order = { ...here, pull_number: pull.number };
  const stale = { ...order, sha: "0".repeat(40) };
  await assert.rejects(octokit.rest.pulls.merge(stale), { status: 409 });
  assert.equal((await octokit.rest.pulls.merge({ ...order, sha: pull.head.sha })).data.merged, true);
  assert.equal((await octokit.rest.pulls.get(order)).data.merged, true);
});
process.exitCode = failures === 0 ? 0 : 1;
