// Holds what went over the wire against the host's own description of its API: node check.mjs
// DESCRIPTION EXCHANGES PREFIX exact|loose. Prints one line of JSON an operation: `operation`, how often it
// was `seen` with which `statuses`, and `problems`.
//
// A loose description is made by a program out of sources without types. Of answers it says which fields there
// are, but not which may be null, calls what it does not know a string, and a list by its entries. Of requests it
// says all but that a list may be a text with commas.
import { readFileSync } from "node:fs";
import Ajv from "ajv/dist/2019.js";
import formats from "ajv-formats";
import { parse } from "yaml";

const [descriptionFile, exchangesFile, prefix, exactness] = process.argv.slice(2);
const text = readFileSync(descriptionFile, "utf8");
const description = descriptionFile.endsWith(".json") ? JSON.parse(text) : parse(text);
const exchanges = JSON.parse(readFileSync(exchangesFile, "utf8"));
// What any operation may answer, described for it or not.
const ANYWHERE = [401, 403, 404, 429];

const TYPES = ["object", "array", "string", "number", "integer", "boolean", "null"];

/** OpenAPI 3.0 in words of JSON Schema, with objects closed to fields that it does not name. */
function schema(node, loose, isPart = false) {
  if (Array.isArray(node)) return node.map((item) => schema(item, loose, isPart));
  if (node === null || typeof node !== "object") return node;
  const { nullable, example, discriminator, xml, ...kept } = node;
  // Descriptions that programs made name types that are none.
  if (typeof kept.type === "string" && !TYPES.includes(kept.type)) delete kept.type;
  const made = {};
  for (const [key, value] of Object.entries(kept)) {
    if (key === "properties") {
      const fields = Object.entries(value).map(([name, field]) => [name, schema(field, loose)]);
      made.properties = Object.fromEntries(fields);
    } else if (["enum", "required", "default", "const"].includes(key)) {
      made[key] = value;
    } else {
      made[key] = schema(value, loose, ["allOf", "anyOf", "oneOf"].includes(key));
    }
  }
  if (made.properties && made.additionalProperties === undefined && !isPart) {
    made.unevaluatedProperties = false;
  }
  if (Array.isArray(made.enum) && nullable) made.enum = [...new Set([...made.enum, null])];
  if (loose === "lists" && made.type === "array") return { anyOf: [made, { type: "string" }] };
  const isTypes = loose === "types";
  if (isTypes && made.type === "string" && !made.enum && !made.format) delete made.type;
  if (isTypes && !isPart && (made.type !== undefined || made.$ref !== undefined)) {
    return { anyOf: [{ type: "null" }, made, { type: "array", items: made }] };
  }
  return nullable ? { anyOf: [{ type: "null" }, made] } : made;
}

const ajv = new Ajv({ strict: false, allErrors: true, logger: false, coerceTypes: false });
formats(ajv);
const isLoose = exactness === "loose";
const ofRequests = { id: "requests", loose: isLoose && "lists" };
const ofAnswers = { id: "answers", loose: isLoose && "types" };
for (const { id, loose } of [ofRequests, ofAnswers]) {
  const named = Object.entries(description.components?.schemas ?? {});
  const schemas = Object.fromEntries(named.map(([name, node]) => [name, schema(node, loose)]));
  ajv.addSchema({ $id: id, components: { schemas } });
}

const compiled = new Map();
function problems({ id, loose }, node, value, where) {
  const key = `${id} ${JSON.stringify(node)}`;
  if (!compiled.has(key)) {
    const written = JSON.stringify(schema(node, loose)).replaceAll('"$ref":"#/', `"$ref":"${id}#/`);
    compiled.set(key, ajv.compile(JSON.parse(written)));
  }
  const validate = compiled.get(key);
  if (validate(value)) return [];
  // Of a choice between nothing and something the something tells more.
  const telling = validate.errors.filter((error) => !["anyOf", "type"].includes(error.keyword)
    || (error.keyword === "type" && error.params.type !== "null"));
  return (telling.length > 0 ? telling : validate.errors).map((error) => {
    const { missingProperty, unevaluatedProperty, allowedValues } = error.params;
    const named = unevaluatedProperty ?? missingProperty ?? allowedValues ?? "";
    const place = error.instancePath.replaceAll(/\/\d+(?=\/|$)/g, "/*");
    return `${where}${place} ${error.message} ${named}`.trim();
  });
}

function resolve(node) {
  if (node?.$ref === undefined) return node;
  const steps = node.$ref.slice(2).split("/").map((step) => step.replaceAll("~1", "/"));
  return steps.reduce((found, step) => found[step], description);
}

const operations = Object.entries(description.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => {
    const escaped = path.replaceAll(/[.*+?^$()|[\]\\]/g, "\\$&");
    // A path of contents has slashes; no other parameter does.
    const shape = escaped.replaceAll(/\{([^}]+)\}/g, (_, name) =>
      name === "path" || name === "basehead" ? "(.+)" : "([^/]+)");
    const shared = methods.parameters ?? [];
    const parameters = [...shared, ...(operation.parameters ?? [])].map(resolve);
    const literal = path.replaceAll(/\{[^}]+\}/g, "").length;
    return { method, path, pattern: new RegExp(`^${shape}$`), operation, parameters, literal };
  }));

function find(method, path) {
  const fitting = operations.filter((one) =>
    one.method === method.toLowerCase() && one.pattern.test(path));
  return fitting.sort((one, other) => other.literal - one.literal)[0];
}

/** A query's text as the value that its parameter has. */
function typed(value, node) {
  const kind = (resolve(node) ?? {}).type;
  if (kind === "integer" || kind === "number") return Number(value);
  return kind === "boolean" ? value === "true" : value;
}

function ofRequest(found, { query, body }) {
  const wrong = [];
  const known = found.parameters.filter((one) => one.in === "query");
  for (const [name, value] of Object.entries(query)) {
    const parameter = known.find((one) => one.name === name || one.name === `${name}[]`);
    if (parameter === undefined) wrong.push(`query ${name} is not described`);
    else {
      const given = typed(value, parameter.schema);
      wrong.push(...problems(ofRequests, parameter.schema, given, `query ${name}`));
    }
  }
  for (const { name } of known.filter((one) => one.required && !(one.name in query))) {
    wrong.push(`query ${name} is missing`);
  }
  const described = resolve(found.operation.requestBody);
  const wanted = described?.content?.["application/json"]?.schema;
  if (wanted !== undefined && (body !== null || described.required)) {
    wrong.push(...problems(ofRequests, wanted, body, "request"));
  } else if (wanted === undefined && body !== null) {
    wrong.push("request has a body, and none is described");
  }
  return wrong;
}

function ofAnswer(found, { status, answer }) {
  const responses = found.operation.responses ?? {};
  // Which of the good statuses it is, a loose description does not know either.
  const good = isLoose && status < 300 ? responses[200] ?? responses[201] : undefined;
  const response = resolve(responses[status] ?? good ?? responses.default);
  if (response === undefined) {
    return ANYWHERE.includes(status) ? [] : [`status ${status} is not described`];
  }
  const wanted = response.content?.["application/json"]?.schema;
  if (wanted === undefined) return [];
  return problems(ofAnswers, wanted, answer, `answer ${status}`);
}

const told = new Map();
for (const exchange of exchanges) {
  const path = exchange.path.startsWith(prefix) ? exchange.path.slice(prefix.length) : null;
  // Another API at the same host, with no such description.
  if (path === null) continue;
  const found = find(exchange.method, path);
  const operation = `${exchange.method} ${found?.path ?? path}`;
  const line = told.get(operation) ?? { operation, seen: 0, statuses: [], problems: [] };
  line.seen += 1;
  if (!line.statuses.includes(exchange.status)) line.statuses.push(exchange.status);
  const refused = exchange.status >= 400;
  const wrong = found === undefined
    ? ["no such operation is described"]
    // What the host refused need not have been in order.
    : [...(refused ? [] : ofRequest(found, exchange)), ...ofAnswer(found, exchange)];
  line.problems = [...new Set([...line.problems, ...wrong])];
  told.set(operation, line);
}
for (const line of told.values()) console.log(JSON.stringify(line));
