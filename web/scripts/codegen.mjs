// Writes src/api/schema.d.ts from ../openapi.json; with --check only says whether it is fresh.
import { readFileSync, writeFileSync } from "node:fs";
import openapiTS, { astToString } from "openapi-typescript";

const SOURCE = new URL("../../openapi.json", import.meta.url);
const TARGET = new URL("../src/api/schema.d.ts", import.meta.url);
const HEAD = "// Generated from openapi.json by `npm run codegen`; not edited by hand.\n\n";

const schema = JSON.parse(readFileSync(SOURCE, "utf8"));
const text = HEAD + astToString(await openapiTS(schema, { alphabetize: true }));
if (!process.argv.includes("--check")) writeFileSync(TARGET, text);
else if (readFileSync(TARGET, "utf8") !== text) {
  process.stderr.write("src/api/schema.d.ts is stale: run `npm run codegen` in web/\n");
  process.exitCode = 1;
}
