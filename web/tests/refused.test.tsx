// @vitest-environment jsdom
import { fireEvent, render, screen } from "@testing-library/react";
import { MemoryRouter } from "react-router";
import "./dom";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { TooltipProvider } from "../src/design/Tooltip";
import { Connection, type Status } from "../src/protocol/client";
import { Stage } from "../src/windows/stage/Stage";

let status: Status;
const opened = vi.fn();
vi.mock("../src/protocol/useConnection", () => ({
  useConnection: (hello: object, key: string) => {
    opened(hello, key);
    return CONNECTION;
  },
  useStatus: () => status,
}));
vi.mock("../src/emotes/names", () => ({ useEmotes: () => {} }));
const CONNECTION = new Connection("ws://x/ws", { window: "stage", token: "", floor: "public" });
const REFUSAL = { type: "error" as const, code: "token", message: "token: is wrong" };

beforeEach(() => {
  opened.mockClear();
  status = { state: "refused", welcome: null, refusal: REFUSAL, retryAt: null, place: null };
});
afterEach(() => vi.unstubAllGlobals());

const stage = (query = "") =>
  render(
    <TooltipProvider>
      <MemoryRouter initialEntries={[`/stage${query}`]}>
        <Stage />
      </MemoryRouter>
    </TooltipProvider>,
  );

test("a stage that is not let in says so, and comes in with the right key", () => {
  stage();
  expect(screen.getByRole("alert").textContent).toBe("token: is wrong");
  expect(document.title).toBe("Not let in – Marotte");
  fireEvent.change(screen.getByLabelText("Token"), { target: { value: "the right one" } });
  fireEvent.click(screen.getByRole("button", { name: "Come in" }));
  expect(opened).toHaveBeenLastCalledWith(expect.objectContaining({ token: "the right one" }), "public/1");
});

test.each(["?background=transparent", "in OBS"])("what is captured stays transparent: %s", (where) => {
  if (where === "in OBS") vi.stubGlobal("obsstudio", {});
  const { container } = stage(where === "in OBS" ? "" : where);
  expect(container.textContent).toBe("");
  expect(document.documentElement.style.background).toBe("transparent");
});

test("too many wrong keys came from here: the right one is asked for all the same", () => {
  status = { ...status, state: "waiting", refusal: { ...REFUSAL, code: "wait" } };
  stage("?background=house");
  expect(screen.getByLabelText("Token")).toBeDefined();
});
