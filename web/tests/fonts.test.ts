// @vitest-environment jsdom
import { beforeEach, expect, test, vi } from "vitest";

const loaded = vi.hoisted(() => vi.fn());
vi.mock("../src/design/cjk", () => {
  loaded();
  return {};
});

import { followCjk } from "../src/design/fonts";

const settle = () => new Promise((done) => setTimeout(done, 20));

beforeEach(() => {
  document.body.replaceChildren();
});

test("the fonts for Chinese and Japanese come with the first such character, however deep or late it stands", async () => {
  followCjk();
  document.body.append("Good evening – «bonsoir», ¿qué tal? Ω Ж");
  const deep = document.createElement("p");
  deep.innerHTML = "<span><b>late</b></span>";
  document.body.append(deep);
  await settle();
  expect(loaded).not.toHaveBeenCalled();
  const text = deep.querySelector("b")?.firstChild as Text;
  text.data = "こんばんは";
  await settle();
  expect(loaded).toHaveBeenCalledTimes(1);
});
