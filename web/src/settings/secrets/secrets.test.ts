import { expect, it } from "vitest";
import { ApiError } from "../../api/errors";
import type { EnvironmentBody, SecretBody } from "../../api/types";
import { bodyOf, draftOf, hostsOf, ownerOf, ownersOf, refusalOf, summaryOf } from "./secrets";

const secret = (fields: Partial<SecretBody>): SecretBody => ({
  id: "secv_1",
  name: "TOKEN",
  type: "runtime_secret",
  owner: "user",
  repos: [],
  hosts: [],
  places: [],
  plain: false,
  createdAt: "2026-01-01T00:00:00.000Z",
  updatedAt: "2026-01-01T00:00:00.000Z",
  updatedBy: "admin",
  ...fields,
});

it("says in a list what each secret is", () => {
  const hosts = ["a.example.com", "*.example.org"];
  expect(summaryOf(secret({ hosts }))).toBe("Grant for a.example.com, *.example.org");
  expect(summaryOf(secret({ plain: true }))).toBe("Plain secret, inside the machine");
  expect(summaryOf(secret({ type: "environment_variable" }))).toBe("Variable, no secret");
  expect(summaryOf(secret({ type: "build_secret", hosts }))).toBe(
    "For builds only, for a.example.com, *.example.org",
  );
});

it("reads hosts however they are typed, and leaves known ones to the server", () => {
  expect(hostsOf(" a.example.com,\n*.example.org  b:8443 ")).toEqual([
    "a.example.com",
    "*.example.org",
    "b:8443",
  ]);
  const draft = { ...draftOf(), value: "v", hosts: " \n" };
  expect(bodyOf(draft)).toEqual({ value: "v", repos: [], type: "runtime_secret", plain: false });
  expect(bodyOf({ ...draft, hosts: "a.example.com" })).toMatchObject({
    hosts: ["a.example.com"],
    places: ["header", "basic"],
  });
});

it("sends hosts of grants only, and never says plain unless it was chosen", () => {
  const draft = { ...draftOf(), value: "v", hosts: "a.example.com" };
  expect(bodyOf({ ...draft, what: "plain" })).toEqual({
    value: "v",
    repos: [],
    type: "runtime_secret",
    plain: true,
  });
  const variable = bodyOf({ ...draft, what: "variable" });
  expect(Object.keys(variable).sort()).toEqual(["repos", "type", "value"]);
  expect(bodyOf({ ...draft, what: "build" })).toEqual({
    value: "v",
    repos: [],
    type: "build_secret",
    hosts: ["a.example.com"],
    places: ["header", "basic"],
  });
});

it("begins to replace a secret with all but its value", () => {
  const repos = [{ url: "https://git.example.com/a" }];
  const draft = draftOf(secret({ hosts: ["a", "b"], places: ["query"], repos }));
  expect(draft).toEqual({
    name: "TOKEN",
    value: "",
    what: "grant",
    hosts: "a\nb",
    places: ["query"],
    repositories: ["https://git.example.com/a"],
  });
});

it("groups secrets by whose they are", () => {
  const environments = [{ id: "e1", name: "shop" } as EnvironmentBody];
  const owners = ownersOf(environments).map(({ id }) => id);
  expect(owners).toEqual(["user", "team", "e1"]);
  expect(ownerOf(secret({ owner: "environment", environmentId: "e1" }))).toBe("e1");
  expect(owners).toContain(ownerOf(secret({ owner: "team" })));
});

it("says what to do about a grant without hosts", () => {
  const refused = new ApiError(400, "secret_hosts_required", "hosts: …");
  expect(refusalOf(refused)).toMatch(/^Name the hosts/);
});
