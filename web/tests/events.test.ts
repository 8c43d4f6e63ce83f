import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { generate } from "../scripts/events.mjs";

const read = (name: string) => readFileSync(`src/protocol/${name}`, "utf8");

test("the types are those of the schema", () => {
  expect(generate(JSON.parse(read("events.schema.json")))).toBe(read("events.ts"));
});
