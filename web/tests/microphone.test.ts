import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Microphone } from "../src/sound/microphone";

vi.mock("../src/sound/microphone.worklet?worker&url", () => ({ default: "worklet.js" }));

interface Asked {
  device: string;
  allow: () => void;
  refuse: (name: string) => void;
}

/** What the browser was asked for, and has still to answer. */
let asked: Asked[];
let tracks: { device: string; stopped: boolean }[];
/** Holds back the worklets that are being loaded, once there is one. */
let worklets: (() => void)[] | null;

beforeEach(() => {
  asked = [];
  tracks = [];
  worklets = null;
  vi.stubGlobal("isSecureContext", true);
  vi.stubGlobal(
    "AudioWorkletNode",
    class {
      port = {};
    },
  );
  vi.stubGlobal(
    "AudioContext",
    class {
      audioWorklet = {
        addModule: async () => worklets && (await new Promise<void>((resolve) => worklets?.push(resolve))),
      };
      async close() {}
      createMediaStreamSource() {
        return { connect() {} };
      }
    },
  );
  const getUserMedia = ({ audio }: { audio: { deviceId?: { exact: string } } }) =>
    new Promise((resolve, reject) => {
      const device = audio.deviceId?.exact ?? "";
      asked.push({
        device,
        allow: () => {
          const track = {
            device,
            stopped: false,
            stop: () => {
              track.stopped = true;
            },
          };
          tracks.push(track);
          resolve({ getTracks: () => [track], getAudioTracks: () => [track] });
        },
        refuse: (name) => reject(new DOMException("", name)),
      });
    });
  vi.stubGlobal("navigator", { mediaDevices: { getUserMedia } });
});
afterEach(() => vi.unstubAllGlobals());

const live = () => tracks.filter((track) => !track.stopped).map((track) => track.device);
const last = () => asked.at(-1) as Asked;

async function opened(): Promise<Microphone> {
  const microphone = new Microphone();
  const opening = microphone.start();
  last().allow();
  await opening;
  return microphone;
}

test("of two devices that are chosen one after the other the second is heard", async () => {
  const microphone = await opened();
  const choices = [microphone.use("a"), microphone.use("b")];
  for (const each of asked.slice(1)) each.allow();
  await Promise.all(choices);
  expect(live()).toEqual(["b"]);
  expect(microphone.open).toBe(true);
});

test("a device that is chosen while the last one is being made ready is heard", async () => {
  const microphone = await opened();
  const held: (() => void)[] = [];
  worklets = held;
  const first = microphone.use("a");
  last().allow();
  await vi.waitFor(() => expect(held).toHaveLength(1));
  const second = microphone.use("b");
  held[0]?.();
  last().allow();
  await vi.waitFor(() => expect(held).toHaveLength(2));
  held[1]?.();
  await Promise.all([first, second]);
  expect(live()).toEqual(["b"]);
});

test("a device that does not answer leaves nothing open, and tells why", async () => {
  const microphone = await opened();
  const choice = microphone.use("busy");
  last().refuse("NotReadableError");
  await expect(choice).rejects.toMatchObject({ trouble: "busy" });
  expect(live()).toEqual([]);
  expect(microphone.open).toBe(false);
  const again = microphone.start();
  last().allow();
  await again;
  expect(live()).toEqual(["busy"]);
});

test("a microphone that is closed while the browser asks stays closed", async () => {
  const microphone = new Microphone();
  const opening = microphone.start();
  microphone.close();
  last().allow();
  await opening;
  expect(live()).toEqual([]);
  expect(microphone.open).toBe(false);
});
