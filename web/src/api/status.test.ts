import { expect, it } from "vitest";
import { agentStatus, repositoryName } from "./status";
import type { Agent } from "./types";

const base = {
  status: "IDLE",
  latestRunStatus: "FINISHED",
  sandbox: { state: "none", epoch: 0, provider: "local" },
} as Agent;

it("says how an agent is doing", () => {
  expect(agentStatus(base).word).toBe("Done");
  expect(agentStatus({ ...base, latestRunStatus: "ERROR" }).word).toBe("Failed");
  expect(agentStatus({ ...base, status: "ACTIVE", latestRunStatus: "RUNNING" }).word).toBe(
    "Working",
  );
  expect(agentStatus({ ...base, status: "ACTIVE", latestRunStatus: "CREATING" }).word).toBe(
    "Getting ready",
  );
  const question = { id: "q", kind: "question", text: "?", options: [], default: "", deadline: "" };
  expect(agentStatus({ ...base, status: "ACTIVE", question }).word).toBe("Needs you");
  expect(agentStatus({ ...base, status: "ARCHIVED", question }).word).toBe("Archived");
});

it("names a repository as people do", () => {
  expect(repositoryName("https://git.example.com/team/project.git")).toBe("team/project");
  expect(repositoryName("git@git.example.com:team/project.git")).toBe("team/project");
  expect(repositoryName("ssh://git@git.example.com:22/team/project/")).toBe("team/project");
  expect(repositoryName("/srv/repos/project.git")).toBe("project");
  expect(repositoryName("file:///srv/repos/project")).toBe("project");
});
