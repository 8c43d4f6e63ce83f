// @vitest-environment jsdom
import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import { Link, Route, Routes } from "react-router";
import "./dom";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Settings } from "../src/windows/control/settings/Settings";
import { TEXT } from "../src/windows/control/settings/text";
import { type Answers, fetching, sit } from "./desk";

beforeEach(() => {
  const file = { file: "/shows/pip.toml", text: "before", hash: "1" };
  const answers: Answers = {
    "GET /settings": { body: file },
    "POST /settings/check": { body: { mistakes: [], needs: [] } },
    "PUT /settings": (body) => ({ body: Object.assign(file, body, { hash: "2" }) }),
  };
  vi.stubGlobal("fetch", fetching(answers, []));
});
afterEach(() => vi.unstubAllGlobals());

/** The settings with a way out of them. */
async function settings() {
  sit(
    <>
      <Link to="/control/log">away</Link>
      <Link to="/control/settings?line=3">stay</Link>
      <Routes>
        <Route path="/control/settings" element={<Settings />} />
        <Route path="*" element={<p>elsewhere</p>} />
      </Routes>
    </>,
    "operator",
    {},
    "/control/settings",
  );
  return screen.findByLabelText<HTMLTextAreaElement>(TEXT.label);
}

const go = (where: string) => fireEvent.click(screen.getByRole("link", { name: where, hidden: true }));
const closing = () => {
  const event = new Event("beforeunload", { cancelable: true });
  window.dispatchEvent(event);
  return event.defaultPrevented ? "asked" : "closed";
};

test("who leaves with unsaved changes is asked, and loses nothing by staying", async () => {
  const text = await settings();
  fireEvent.change(text, { target: { value: "mine" } });
  go("stay");
  expect(screen.queryByRole("alertdialog"), "the page is not left").toBeNull();
  go("away");
  const question = await screen.findByRole("alertdialog", { name: TEXT.leaveTitle });
  fireEvent.click(within(question).getByRole("button", { name: TEXT.stay }));
  await waitFor(() => expect(screen.queryByRole("alertdialog")).toBeNull());
  expect(screen.getByLabelText<HTMLTextAreaElement>(TEXT.label).value).toBe("mine");
  go("away");
  fireEvent.click(
    within(await screen.findByRole("alertdialog", { name: TEXT.leaveTitle })).getByRole("button", {
      name: TEXT.leave,
    }),
  );
  expect(await screen.findByText("elsewhere")).toBeDefined();
});

test("who closes the window with unsaved changes is asked by the browser", async () => {
  const text = await settings();
  expect(closing()).toBe("closed");
  fireEvent.change(text, { target: { value: "mine" } });
  expect(closing()).toBe("asked");
  fireEvent.change(text, { target: { value: "before" } });
  expect(closing(), "as it was saved").toBe("closed");
});

test("who has saved leaves without a question", async () => {
  const text = await settings();
  fireEvent.change(text, { target: { value: "mine" } });
  const save = screen.getByRole<HTMLButtonElement>("button", { name: TEXT.save });
  await waitFor(() => expect(save.disabled).toBe(false));
  fireEvent.click(save);
  await waitFor(() => expect(screen.queryByText(TEXT.unsaved)).toBeNull());
  expect(closing()).toBe("closed");
  go("away");
  expect(await screen.findByText("elsewhere")).toBeDefined();
});
