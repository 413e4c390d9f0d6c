import { expect, it } from "vitest";
import { allowing } from "./allowing";

it("names the entry that would have let a connection pass", () => {
  const entry = (code: string, port = 443) => allowing({ host: "api.example.com", port, code });
  expect(entry("host_not_allowed")).toBe("api.example.com");
  expect(entry("host_not_allowed", 8443)).toBe("api.example.com:8443");
  expect(entry("port_not_allowed", 22)).toBe("api.example.com:22");
  expect(entry("websocket_not_allowed")).toBe("api.example.com +websocket");
  for (const code of ["foreign_credential", "address_not_allowed", "upload_budget", "bad_host"]) {
    expect(entry(code)).toBeUndefined();
  }
});
