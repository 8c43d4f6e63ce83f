import type { Socket } from "../src/protocol/client";
import { Connection } from "../src/protocol/client";
import type { Hello } from "../src/protocol/frames";
import { unpack } from "../src/protocol/frames";

/** The program's side of a socket: keeps what it was sent, says what it is told to. */
export class FakeSocket implements Socket {
  binaryType: BinaryType = "blob";
  readyState = 0;
  onopen: (() => void) | null = null;
  onmessage: ((message: { data: unknown }) => void) | null = null;
  onclose: ((closing: { code: number; reason: string }) => void) | null = null;
  sent: Record<string, unknown>[] = [];
  binary: Record<string, unknown>[] = [];

  send(data: string | ArrayBuffer) {
    if (typeof data === "string") this.sent.push(JSON.parse(data) as Record<string, unknown>);
    else this.binary.push(unpack(data).header);
  }
  close() {}
  /** Let the window in. */
  welcome(welcome: object = {}) {
    this.readyState = 1;
    this.onopen?.();
    this.say({ type: "welcome", session: "s-1", floor: "talk-1", sample: 0, seq: 0, ...welcome });
  }
  say(frame: unknown) {
    this.onmessage?.({ data: frame instanceof ArrayBuffer ? frame : JSON.stringify(frame) });
  }
  lose(code = 1006) {
    this.readyState = 3;
    this.onclose?.({ code, reason: "" });
  }
  /** What was sent of a kind. */
  of(type: string) {
    return this.sent.filter((frame) => frame.type === type);
  }
}

/** An open connection, and a way to its latest socket. */
export function joined(hello: Hello) {
  const sockets: FakeSocket[] = [];
  const clock = { now: 0 };
  const connection = new Connection("ws://x/ws", hello, {
    open: () => {
      const made = new FakeSocket();
      sockets.push(made);
      return made;
    },
    now: () => clock.now,
    random: () => 0,
  });
  connection.open();
  const socket = () => sockets.at(-1) as FakeSocket;
  socket().welcome();
  return { connection, socket, sockets, clock };
}
