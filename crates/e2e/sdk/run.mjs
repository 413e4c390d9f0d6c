// The vendor's official SDK against our server: everything that it offers for cloud agents.
// Prints one line of JSON a check, with `failed` where it failed; the test that starts this reads them.
import assert from "node:assert/strict";
import { Agent, Cursor } from "@cursor/sdk";

const repository = process.env.E2E_REPOSITORY;
const prompts = JSON.parse(process.env.E2E_PROMPTS);
const model = { id: "scripted" };
let failures = 0;

/** Sends as soon as the agent is free: the SDK calls a run cancelled once it has asked for that, while
 *  the server still saves its work. */
async function whenFree(send) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await send();
    } catch (error) {
      if (error.name !== "AgentBusyError" || attempt === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

async function check(name, act) {
  try {
    console.log(JSON.stringify({ check: name, ...(await act()) }));
  } catch (error) {
    failures += 1;
    console.log(JSON.stringify({ check: name, failed: String(error?.stack ?? error) }));
  }
}

let agent, run, second;

await check("me", async () => {
  const me = await Cursor.me();
  assert.equal(typeof me.apiKeyName, "string");
  return { name: me.apiKeyName };
});

await check("models", async () => {
  const models = await Cursor.models.list();
  assert.ok(models.some((known) => known.id === "scripted"));
  return { count: models.length };
});

await check("create and stream", async () => {
  agent = await Agent.create({
    model,
    name: "From the SDK",
    cloud: { repos: [{ url: repository }], autoCreatePR: true, metadata: { origin: "sdk" } },
  });
  assert.match(agent.agentId, /^bc-[0-9a-f-]{36}$/);
  run = await agent.send(prompts.first);
  const kinds = {};
  let said = "";
  for await (const message of run.stream()) {
    kinds[message.type] = (kinds[message.type] ?? 0) + 1;
    if (message.type === "assistant") {
      for (const part of message.message.content) said += part.type === "text" ? part.text : "";
    }
  }
  assert.equal(said, "I begin.The first is done.");
  assert.ok(kinds.thinking > 0 && kinds.tool_call > 0, JSON.stringify(kinds));
  return { run: run.id, kinds };
});

await check("wait", async () => {
  const result = await run.wait();
  assert.equal(result.status, "finished");
  assert.ok(result.result.includes("The first is done."), result.result);
  assert.ok(result.git?.branches[0].branch.startsWith("errand/"), `git is ${JSON.stringify(result.git)}`);
  assert.ok(result.git.branches[0].prUrl, JSON.stringify(result.git));
  return { branch: result.git.branches[0].branch, durationMs: result.durationMs };
});

await check("follow-up", async () => {
  const deltas = {};
  second = await agent.send(prompts.second, {
    onDelta: ({ update }) => { deltas[update.type] = (deltas[update.type] ?? 0) + 1; },
  });
  const followed = await second.wait();
  assert.equal(followed.status, "finished");
  assert.ok(followed.result.includes("The second is done."), followed.result);
  assert.ok(Object.keys(deltas).length > 0);
  return { deltas };
});

await check("list", async () => {
  const listed = await Agent.list({ runtime: "cloud" });
  const found = listed.items.find((info) => info.agentId === agent.agentId);
  assert.equal(found.name, "From the SDK");
  return { count: listed.items.length };
});

await check("get", async () => {
  const got = await Agent.get(agent.agentId);
  assert.equal(got.agentId, agent.agentId);
  assert.deepEqual(got.metadata, { origin: "sdk" });
  const runs = await Agent.listRuns(agent.agentId, { runtime: "cloud" });
  assert.deepEqual(runs.items.map((item) => item.id), [second.id, run.id]);
  const again = await Agent.getRun(run.id, { runtime: "cloud", agentId: agent.agentId });
  assert.equal(again.status, "finished");
});

await check("cancel", async () => {
  const third = await agent.send(prompts.endless);
  await third.cancel();
  assert.equal((await third.wait()).status, "cancelled");
});

await check("artifacts", async () => {
  const artifacts = await agent.listArtifacts();
  assert.deepEqual(artifacts.map((artifact) => artifact.path), ["artifacts/x.txt"]);
  const bytes = await agent.downloadArtifact("artifacts/x.txt");
  assert.equal(bytes.toString(), "hello");
});

await check("usage", async () => {
  const usage = await agent.getUsage();
  assert.ok(usage.usage.totalTokens > 0, JSON.stringify(usage));
  assert.equal(usage.runs.length, 3);
  assert.equal(typeof usage.cost.rawCostCents, "number");
  const one = await agent.getUsage({ runId: run.id });
  assert.equal(one.runs.length, 1);
  return { tokens: usage.usage.totalTokens };
});

await check("repositories", async () => {
  const repositories = await Cursor.repositories.list();
  assert.ok(repositories.some((known) => known.url === repository));
});

await check("resume", async () => {
  const resumed = await Agent.resume(agent.agentId, { model });
  const fourth = await whenFree(() => resumed.send(prompts.second));
  assert.equal((await fourth.wait()).status, "finished");
});

await check("busy", async () => {
  const long = await agent.send(prompts.endless);
  await assert.rejects(agent.send(prompts.second), (error) => error.name === "AgentBusyError");
  await long.cancel();
  await long.wait();
});

await check("unknown model", async () => {
  await assert.rejects(Agent.create({ model: { id: "nothing-9" }, cloud: { repos: [] } }).then((made) => made.send("x")));
});

await check("archive and delete", async () => {
  await Agent.archive(agent.agentId);
  assert.equal((await Agent.get(agent.agentId)).archived, true);
  await Agent.unarchive(agent.agentId);
  await Agent.delete(agent.agentId);
  await assert.rejects(Agent.get(agent.agentId));
});

process.exit(failures === 0 ? 0 : 1);
