// @vitest-environment jsdom
import { expect, test } from "vitest";
import { takeToken, token } from "../src/protocol/token";

test("a token is taken out of the address, and whether there was one is told", () => {
  history.replaceState(null, "", "/control?floor=public#token=secret&page=now");
  expect(takeToken()).toBe(true);
  expect(token()).toBe("secret");
  expect(location.href).toContain("/control?floor=public#page=now");
  expect(takeToken()).toBe(false);
});
