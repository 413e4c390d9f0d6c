import { expect, it } from "vitest";
import { emptyLaunch, problemsOf, requestOf, withoutSecrets } from "./launch";

const launch = { ...emptyLaunch(), text: "Fix it" };

it("sends only what was chosen", () => {
  expect(requestOf(launch, [])).toEqual({
    agentId: launch.agentId,
    prompt: { text: "Fix it" },
    mode: "agent",
  });
  expect(launch.agentId).toMatch(
    /^bc-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  );
});

it("sends everything that was chosen", () => {
  const full = {
    ...launch,
    mode: "plan" as const,
    repositories: [{ url: "https://git.example.com/a/b.git", ref: " main " }],
    modelId: "house",
    params: { effort: "high" },
    branchName: "fix/dates",
    variables: [
      { name: "TOKEN", value: "s" },
      { name: "", value: "" },
    ],
    limits: { minutes: "20", steps: "", tokens: "", dollars: "1.50" },
  };
  expect(requestOf(full, [{ data: "AA==", mimeType: "image/png" }])).toEqual({
    agentId: launch.agentId,
    prompt: { text: "Fix it", images: [{ data: "AA==", mimeType: "image/png" }] },
    mode: "plan",
    repos: [{ url: "https://git.example.com/a/b.git", startingRef: "main" }],
    autoCreatePR: true,
    branchName: "fix/dates",
    model: { id: "house", params: [{ id: "effort", value: "high" }] },
    envVars: { TOKEN: "s" },
    limits: { minutes: 20, costCents: 150 },
  });
});

it("says what keeps it from being sent", () => {
  expect(problemsOf(launch)).toEqual({});
  expect(problemsOf({ ...launch, text: " \n" }).text).toBeDefined();
  expect(problemsOf({ ...launch, text: "x".repeat(100_001) }).text).toMatch(/100001/);
  expect(problemsOf({ ...launch, variables: [{ name: "1A", value: "" }] }).variables).toMatch(/1A/);
  const limits = { ...launch.limits, steps: "-3" };
  expect(problemsOf({ ...launch, limits }).limits).toMatch(/steps/);
  expect(problemsOf({ ...launch, workOnCurrentBranch: true }).branch).toBeDefined();
});

it("keeps no value of a variable in the browser", () => {
  const secret = { ...launch, variables: [{ name: "TOKEN", value: "s3cret" }] };
  expect(JSON.stringify(withoutSecrets(secret))).not.toContain("s3cret");
});
