// Writes src/protocol/events.ts from events.schema.json, which `python -m marotte.events` prints.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));

function typeOf(schema) {
  if (schema.$ref) return schema.$ref.split("/").at(-1);
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(" | ");
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  switch (schema.type) {
    case "string":
    case "boolean":
    case "null":
      return schema.type;
    case "integer":
    case "number":
      return "number";
    case "array":
      if (schema.prefixItems) return `[${schema.prefixItems.map(typeOf).join(", ")}]`;
      return `${schema.items.anyOf ? `(${typeOf(schema.items)})` : typeOf(schema.items)}[]`;
    case "object":
      return `Record<string, ${typeOf(schema.additionalProperties ?? {})}>`;
    default:
      return "unknown";
  }
}

function definition(name, schema) {
  const comment = schema.description ? `/** ${schema.description.replaceAll("\n", " ")} */\n` : "";
  if (schema.type === "array") return `${comment}export type ${name} = ${typeOf(schema)};\n`;
  // The program writes every field, those that have their default included, so none is optional to a reader.
  const fields = Object.entries(schema.properties).map(([key, value]) => `  ${key}: ${typeOf(value)};\n`);
  return `${comment}export interface ${name} {\n${fields.join("")}}\n`;
}

/** Return the TypeScript source of all events of a JSON schema. */
export function generate(schema) {
  const all = schema.anyOf.map(typeOf);
  return [
    "// Generated from events.schema.json by `npm run events`; do not edit.\n",
    ...Object.entries(schema.$defs).map(([name, value]) => definition(name, value)),
    `export type AnyEvent =\n${all.map((name) => `  | ${name}`).join("\n")};\n`,
  ].join("\n");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const schema = JSON.parse(readFileSync(at("../src/protocol/events.schema.json"), "utf8"));
  writeFileSync(at("../src/protocol/events.ts"), generate(schema));
}
