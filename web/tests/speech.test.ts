// @vitest-environment jsdom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Connection, type Status } from "../src/protocol/client";
import type { Welcome } from "../src/protocol/frames";
import { MicrophoneError } from "../src/sound/microphone";
import { Speech } from "../src/windows/talk/speech";

/** What the microphone hears goes here. */
let hears: (pcm: Int16Array) => void;
const device = { start: vi.fn(async () => {}), use: vi.fn(async () => {}), pass: vi.fn(), close: vi.fn(), open: true };
vi.mock("../src/sound/devices", () => ({ choose: vi.fn(), chosen: () => "", microphoneAllowed: async () => true }));
vi.mock("../src/sound/microphone", async (actual) => ({
  ...(await actual<object>()),
  Microphone: class {
    start = device.start;
    use = device.use;
    pass = device.pass;
    close = device.close;
    set onFrame(listener: typeof hears) {
      hears = listener;
    }
    get open() {
      return device.open;
    }
  },
}));

class FakeRecogniser {
  static last: FakeRecogniser;
  lang = "";
  onresult: ((event: unknown) => void) | null = null;
  onerror: ((event: { error: string }) => void) | null = null;
  onend: (() => void) | null = null;
  constructor() {
    FakeRecogniser.last = this;
  }
  start() {}
  stop() {}
  abort() {}
}

let connection: Connection;
let frames: number;
let sent: string[];
let speech: Speech;
let tell: (status: Status) => void;
let button: (order: "press" | "release") => void;

beforeEach(() => {
  localStorage.clear();
  vi.clearAllMocks();
  device.start.mockImplementation(async () => {});
  sent = [];
  frames = 0;
  connection = new Connection("ws://x/ws", { window: "talk", token: "", floor: "private" });
  vi.spyOn(connection, "send").mockImplementation((frame) => {
    sent.push("on" in frame ? `${frame.type} ${frame.on}` : frame.type);
    return true;
  });
  vi.spyOn(connection, "sendMicrophone").mockImplementation(() => {
    frames++;
  });
  vi.spyOn(connection, "on").mockImplementation((kind, listener) => {
    if (kind === "status") tell = listener as typeof tell;
    if (kind === "button") button = listener as typeof button;
    return () => {};
  });
  speech = new Speech(connection);
});
afterEach(() => vi.unstubAllGlobals());

/** The sound of one moment, and how many frames of it went to the program. */
function heard(): number {
  const before = frames;
  hears(new Int16Array(320));
  return frames - before;
}

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
  expect(sent.filter((frame) => !frame.startsWith("microphone"))).toEqual([]);
  expect(speech.state.held).toBe(false);
});

test("who lets go and presses again while the browser still asks has pressed once", async () => {
  let allow = () => {};
  device.start.mockImplementation(() => new Promise<void>((resolve) => (allow = resolve)));
  device.open = false;
  const first = speech.press();
  const free = allow;
  speech.release();
  const second = speech.press();
  free();
  allow();
  await Promise.all([first, second]);
  device.open = true;
  expect(sent.filter((frame) => !frame.startsWith("microphone"))).toEqual(["press"]);
  expect(speech.state.held).toBe(true);
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
  tell({ state: "open", welcome: null, refusal: null, retryAt: null, place: null });
  expect(sent).toEqual(["hands_free true", "hands_free true"]);
  end();
  expect(speech.state.handsFree).toBe(false);
  expect(device.close).toHaveBeenCalledOnce();
});

const REFUSED: Status = { state: "refused", welcome: null, refusal: null, retryAt: null, place: null };

test.each<[string, Status]>([
  ["refused", REFUSED],
  ["queued", { ...REFUSED, state: "queued", place: { place: 2, dueAt: null } }],
])("a window that is %s hears nothing any more: no switch for it is left", async (_, status) => {
  vi.stubGlobal("webkitSpeechRecognition", FakeRecogniser);
  speech.start();
  speech.setBrowser(true);
  await speech.listen(true);
  const recogniser = FakeRecogniser.last;
  const abort = vi.spyOn(recogniser, "abort");
  tell(status);
  expect(speech.state).toMatchObject({ held: false, handsFree: false });
  expect(device.close).toHaveBeenCalled();
  expect(abort).toHaveBeenCalled();
  recogniser.onend?.();
  expect(FakeRecogniser.last).toBe(recogniser);
});

test("a connection that is lost ends the press: nobody hears what is said from then on", async () => {
  speech.start();
  await speech.press();
  tell({ state: "waiting", welcome: null, refusal: null, retryAt: null, place: null });
  expect(speech.state.held).toBe(false);
  expect(device.pass).toHaveBeenLastCalledWith(false);
  sent.length = 0;
  await speech.press();
  expect(sent).toEqual(["press"]);
});

test("a button elsewhere presses this one, as soon as no question of the browser's is open", async () => {
  speech.start();
  const welcome = { floor: "talk-1", rights: "guest" } as Welcome;
  const open = { state: "open" as const, refusal: null, retryAt: null, place: null };
  tell({ ...open, welcome });
  await vi.waitFor(() => expect(sent).toEqual(["microphone true"]));
  button("press");
  await vi.waitFor(() => expect(sent).toEqual(["microphone true", "press"]));
  button("press");
  button("release");
  expect(sent).toEqual(["microphone true", "press", "release"]);
  sent.length = 0;
  tell({ ...open, welcome: { ...welcome, floor: "public" } });
  await Promise.resolve();
  expect(sent, "who only looks on has no button").toEqual([]);
});

test("another microphone is used at once, and what is wrong with it is told", async () => {
  await speech.setDevice("usb");
  expect(device.use).toHaveBeenCalledWith("usb");
  expect(speech.state).toMatchObject({ device: "usb", trouble: null });
  await speech.listen(true);
  sent.length = 0;
  device.use.mockRejectedValueOnce(new MicrophoneError("busy"));
  await speech.setDevice("hdmi");
  expect(speech.state, "nobody hears what is said now").toMatchObject({ trouble: "busy", handsFree: false });
  expect(sent).toEqual(["microphone false", "hands_free false"]);
});

test("while the browser recognises what is said, the program hears the sound only to know that somebody speaks", async () => {
  vi.stubGlobal("webkitSpeechRecognition", FakeRecogniser);
  speech.setBrowser(true);
  await speech.press();
  expect(heard()).toBe(1);
  FakeRecogniser.last.onresult?.({
    resultIndex: 0,
    results: [Object.assign([{ transcript: "hello" }], { isFinal: true })],
  });
  speech.release();
  expect(sent, "it is told for whom the press is, before it").toEqual(["reads true", "press", "transcript", "release"]);
  FakeRecogniser.last.onend?.();
  expect(sent.at(-1), "once it has told all that it heard").toBe("reads false");
  sent.length = 0;
  await speech.listen(true);
  speech.setBrowser(false);
  expect(sent, "from now on the program listens").toEqual(["reads true", "hands_free true", "reads false"]);
});

test("who is connected anew is told that the browser recognises what is said", async () => {
  vi.stubGlobal("webkitSpeechRecognition", FakeRecogniser);
  speech.start();
  speech.setBrowser(true);
  await speech.listen(true);
  sent.length = 0;
  tell({ state: "open", welcome: null, refusal: null, retryAt: null, place: null });
  expect(sent).toEqual(["reads true", "hands_free true"]);
});

test("where the browser's recognition gives up, the program hears what is said from then on", async () => {
  vi.stubGlobal("webkitSpeechRecognition", FakeRecogniser);
  speech.onRecognitionFailed = vi.fn();
  speech.setBrowser(true);
  await speech.listen(true);
  sent.length = 0;
  FakeRecogniser.last.onerror?.({ error: "network" });
  expect(sent).toEqual(["reads false"]);
  expect(speech.state.browser).toBe(false);
  expect(speech.onRecognitionFailed).toHaveBeenCalledOnce();
});

test("a browser without recognition, in which another's choice is kept, leaves it to the program", async () => {
  localStorage.setItem("marotte.recognition", "on");
  speech = new Speech(connection);
  expect(speech.state.browser).toBe(false);
  await speech.press();
  expect(heard()).toBe(1);
});

test("the browser listens in another language as soon as it is chosen, and only where it listens", async () => {
  vi.stubGlobal("webkitSpeechRecognition", FakeRecogniser);
  speech.setBrowser(true);
  await speech.listen(true);
  const first = FakeRecogniser.last;
  expect(first.lang).toBe("en-US");
  speech.setLanguage("fr");
  first.onend?.();
  expect(FakeRecogniser.last.lang).toBe("fr-FR");
  const second = FakeRecogniser.last;
  await speech.listen(false);
  second.onend?.();
  speech.setLanguage("es");
  expect(FakeRecogniser.last).toBe(second);
});
