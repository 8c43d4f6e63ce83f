// @vitest-environment jsdom
import { afterEach, expect, test, vi } from "vitest";
import { rest } from "../src/protocol/rest";
import { database } from "../src/windows/control/database/api";

afterEach(() => vi.unstubAllGlobals());

const wrong = (...loc: (string | number)[]) => ({ type: "x", loc, msg: `is wrong`, input: "what was typed" });

function answering(detail: unknown) {
  const body = JSON.stringify({ detail });
  vi.stubGlobal(
    "fetch",
    async () => new Response(body, { status: 422, headers: { "content-type": "application/json" } }),
  );
}

test.each([
  ["a sentence is told as it stands", "the text is empty", "the text is empty"],
  [
    "each mistake is told with its place",
    [wrong("body", "words", 3), wrong("query", "limit")],
    "words.3: is wrong; limit: is wrong",
  ],
  ["what is wrong as a whole has no place", [wrong("body")], "is wrong"],
  [
    "of many the first are enough",
    Array.from({ length: 9 }, (_, place) => wrong("body", place)),
    "0: is wrong; 1: is wrong; 2: is wrong; 3: is wrong; 4: is wrong; and 4 more",
  ],
  ["what nobody can read is told as the number that it bears", [{ what: "else" }, 7, null], "HTTP 422"],
  ["and so is nothing at all", [], "HTTP 422"],
])("a refusal: %s", async (_, detail, told) => {
  answering(detail);
  await expect(rest.show()).rejects.toMatchObject({ status: 422, message: told });
  await expect(database.restore(new File([], "x"))).rejects.toMatchObject({ status: 422, message: told });
});
