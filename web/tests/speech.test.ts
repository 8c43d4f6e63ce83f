// @vitest-environment jsdom
import { beforeEach, expect, test, vi } from "vitest";
import { Connection, type Status } from "../src/protocol/client";
import { MicrophoneError } from "../src/sound/microphone";
import { Speech } from "../src/windows/talk/speech";

const device = { start: vi.fn(async () => {}), pass: vi.fn(), close: vi.fn(), open: true };
vi.mock("../src/sound/microphone", async (actual) => ({
  ...(await actual<object>()),
  Microphone: class {
    start = device.start;
    pass = device.pass;
    close = device.close;
    get open() {
      return device.open;
    }
  },
}));

let connection: Connection;
let sent: string[];
let speech: Speech;
let tell: (status: Status) => void;

beforeEach(() => {
  localStorage.clear();
  vi.clearAllMocks();
  device.start.mockImplementation(async () => {});
  sent = [];
  connection = new Connection("ws://x/ws", { window: "talk", token: "", floor: "private" });
  vi.spyOn(connection, "send").mockImplementation((frame) => {
    sent.push("on" in frame ? `${frame.type} ${frame.on}` : frame.type);
    return true;
  });
  vi.spyOn(connection, "on").mockImplementation((kind, listener) => {
    if (kind === "status") tell = listener as typeof tell;
    return () => {};
  });
  speech = new Speech(connection);
});

test("the microphone is let through from press to release, and the program is told", async () => {
  speech.onSaid = vi.fn();
  await speech.press();
  expect(speech.state.held).toBe(true);
  expect(device.pass).toHaveBeenLastCalledWith(true);
  speech.release();
  expect(device.pass).toHaveBeenLastCalledWith(false);
  expect(sent).toEqual(["press", "release"]);
  expect(speech.onSaid).toHaveBeenCalledOnce();
});

test("who lets go while the browser still asks has said nothing", async () => {
  let allow = () => {};
  device.open = false;
  device.start.mockImplementation(() => new Promise<void>((resolve) => (allow = resolve)));
  const pressed = speech.press();
  speech.release();
  allow();
  await pressed;
  device.open = true;
  expect(sent).toEqual([]);
  expect(speech.state.held).toBe(false);
});

test("a microphone that is not allowed is told as such, and the button is free again", async () => {
  device.start.mockRejectedValue(new MicrophoneError("denied"));
  await speech.press();
  expect(speech.state).toMatchObject({ held: false, trouble: "denied" });
  await speech.listen(true);
  expect(speech.state.handsFree).toBe(false);
  expect(sent).toEqual([]);
  speech.dismiss();
  expect(speech.state.trouble).toBeNull();
});

test("hands-free stays on through a lost connection and ends with the window", async () => {
  const end = speech.start();
  await speech.listen(true);
  tell({ state: "open", welcome: null, refusal: null, retryAt: null });
  expect(sent).toEqual(["hands_free true", "hands_free true"]);
  end();
  expect(speech.state.handsFree).toBe(false);
  expect(device.close).toHaveBeenCalledOnce();
});
