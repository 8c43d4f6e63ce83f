import { FloorClock } from "./clock";
import type { AnyEvent } from "./events";
import {
  type Hello,
  type Order,
  type ProtocolError,
  pack,
  type Sound,
  soundOf,
  type TextFrame,
  VERSION,
  type Welcome,
  type WindowFrame,
} from "./frames";

/** Where a connection stands; `refused` is final until somebody changes what is asked for. `queued`: all floors are
 * taken, and the program says when one is free; `waiting`: there is no connection, and it is tried again. */
export type ConnectionState = "connecting" | "open" | "queued" | "waiting" | "refused" | "closed";

export interface Status {
  state: ConnectionState;
  welcome: Welcome | null;
  /** Why the last attempt failed, in the program's words. */
  refusal: ProtocolError | null;
  /** When the next attempt is made, milliseconds of the wall clock. */
  retryAt: number | null;
  /** The place in the waiting list, also while the connection is lost and the place is kept. */
  place: Place | null;
}

export interface Place {
  place: number;
  /** When it may be this window's turn, milliseconds of the wall clock; null: not known yet. */
  dueAt: number | null;
}

/** Whether a window waits for a floor: in the waiting list, or because even that is full. */
export function waits({ state, place, refusal }: Status): boolean {
  return state !== "open" && state !== "refused" && (place !== null || refusal?.code === "full");
}

interface Listeners {
  status: (status: Status) => void;
  event: (event: AnyEvent) => void;
  sound: (sound: Sound) => void;
  /** The window lost events (`count`), or began anew: its state must come from elsewhere. */
  missed: (count: number) => void;
  /** The program presses or releases this window's push-to-talk button. */
  button: (order: "press" | "release") => void;
  /** What the program tells a skull, and that it wants a picture. */
  order: (order: Order) => void;
  error: (error: ProtocolError) => void;
}

/** What the client needs of a WebSocket, so that tests can bring their own. */
export interface Socket {
  binaryType: BinaryType;
  readyState: number;
  onopen: (() => void) | null;
  onmessage: ((message: { data: unknown }) => void) | null;
  onclose: ((closing: { code: number; reason: string }) => void) | null;
  send(data: string | ArrayBuffer): void;
  close(code?: number): void;
}

export interface Surroundings {
  open: (url: string) => Socket;
  now: () => number;
  random: () => number;
}

const BROWSER: Surroundings = {
  open: (url) => new WebSocket(url) as unknown as Socket,
  now: () => performance.now(),
  random: Math.random,
};

const OPEN = 1;
const PING_EVERY = 2_000;
/** Milliseconds without an answer after which the other side is taken for gone. */
const GONE = 15_000;
const FIRST_DELAY = 300;
const LONGEST_DELAY = 10_000;
/** The close code of a connection that broke without one. */
const GONE_CODE = 1006;
/** Closes that no second attempt heals. */
const FINAL = new Set([4400, 4401, 4403, 4404]);

/** Milliseconds before attempt number `attempt` (0 is the first repetition): doubling, capped, with half jitter. */
export function backoff(attempt: number, random: number): number {
  const full = Math.min(FIRST_DELAY * 2 ** attempt, LONGEST_DELAY);
  return full / 2 + (full / 2) * random;
}

/** One window's connection to the program: says hello, follows the clock, comes back after a loss where it left off. */
export class Connection {
  readonly clock = new FloorClock();
  #url: string;
  #hello: Hello;
  #around: Surroundings;
  #listeners: { [K in keyof Listeners]: Set<Listeners[K]> } = {
    status: new Set(),
    event: new Set(),
    sound: new Set(),
    missed: new Set(),
    button: new Set(),
    order: new Set(),
    error: new Set(),
  };
  #socket: Socket | null = null;
  #status: Status = { state: "connecting", welcome: null, refusal: null, retryAt: null, place: null };
  #seq = 0;
  #attempt = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #pings: ReturnType<typeof setInterval> | undefined;
  /** Since when something is waited for and nothing has come. */
  #unanswered: number | null = null;

  constructor(url: string, hello: Hello, around: Partial<Surroundings> = {}) {
    this.#url = url;
    this.#hello = hello;
    this.#around = { ...BROWSER, ...around };
  }

  get status(): Status {
    return this.#status;
  }

  /** Listen; returns what ends it. */
  on<K extends keyof Listeners>(kind: K, listener: Listeners[K]): () => void {
    this.#listeners[kind].add(listener);
    return () => this.#listeners[kind].delete(listener);
  }

  open(): void {
    this.#leave();
    this.#set({ state: "connecting", retryAt: null });
    const socket = this.#around.open(this.#url);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => socket.send(JSON.stringify(this.#greeting()));
    socket.onmessage = ({ data }) => this.#take(data);
    socket.onclose = ({ code, reason }) => this.#lost(socket, code, reason);
    this.#socket = socket;
    this.#unanswered = this.#around.now();
    this.#pings = setInterval(() => this.#ping(), PING_EVERY);
  }

  close(): void {
    this.#leave();
    this.#set({ state: "closed", retryAt: null });
  }

  /** Send a frame; false where there is no connection to send it on. */
  send(frame: WindowFrame): boolean {
    if (this.#status.state !== "open" || this.#socket?.readyState !== OPEN) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  /** Send 16 kHz sound of the microphone, 10 to 200 ms. */
  sendMicrophone(pcm: Int16Array): void {
    if (this.#status.state !== "open" || this.#socket?.readyState !== OPEN) return;
    this.#socket.send(pack({ type: "microphone" }, pcm));
  }

  /** Send the picture that was asked for: JPEG, PNG or WebP, at most 200 kB. */
  sendPicture(id: number, picture: Uint8Array): void {
    if (this.#status.state !== "open" || this.#socket?.readyState !== OPEN) return;
    this.#socket.send(pack({ type: "picture", id }, picture));
  }

  /** Change what the next hello says, so that a reconnection keeps the partner's language and name. */
  amend(change: Partial<Hello>): void {
    this.#hello = { ...this.#hello, ...change };
  }

  /** The floor's sample now, by the program's clock; null before the welcome. */
  sample(): number | null {
    return this.clock.at(this.#around.now());
  }

  #greeting() {
    const session = this.#status.welcome?.session;
    const resume = session ? { resume: { session, seq: this.#seq } } : {};
    return { type: "hello", version: VERSION, ...this.#hello, ...resume };
  }

  #take(data: unknown) {
    this.#unanswered = null;
    if (data instanceof ArrayBuffer) {
      const sound = soundOf(data);
      if (sound) this.#tell("sound", sound);
      return;
    }
    const frame = JSON.parse(String(data)) as TextFrame;
    switch (frame.type) {
      case "welcome":
        return this.#welcomed(frame);
      case "event":
        this.#seq = frame.seq;
        return this.#tell("event", frame.event);
      case "waiting": {
        const { place, seconds } = frame;
        const dueAt = seconds === null ? null : Date.now() + seconds * 1000;
        this.#attempt = 0;
        return this.#set({ state: "queued", place: { place, dueAt }, refusal: null, retryAt: null });
      }
      case "press":
      case "release":
        return this.#tell("button", frame.type);
      case "ack":
      case "stop":
      case "light":
      case "outcome":
      case "snapshot":
        return this.#tell("order", frame);
      case "missed":
        return this.#tell("missed", frame.count);
      case "pong":
        return this.clock.learn(frame.sample, frame.t, this.#around.now());
      case "error":
        if (this.#status.state === "open") this.#tell("error", frame);
        else this.#set({ refusal: frame, place: null });
    }
  }

  #welcomed(welcome: Welcome): void {
    const now = this.#around.now();
    this.clock.reset();
    this.clock.learn(welcome.sample, now, now);
    const before = this.#status.welcome;
    if (!welcome.resumed) this.#seq = welcome.seq;
    this.#attempt = 0;
    this.#set({ state: "open", welcome, refusal: null, retryAt: null, place: null });
    if (before && !welcome.resumed) this.#tell("missed", 0);
    this.#unanswered = null;
    this.#ping();
  }

  /** Ask for the clock, or give up a connection on which nothing came for too long. Before the welcome nothing is asked:
   * the program has to greet, or to tell the place in the waiting list every few seconds. */
  #ping() {
    const now = this.#around.now();
    if (this.#socket && this.#unanswered !== null && now - this.#unanswered > GONE) {
      return this.#lost(this.#socket, GONE_CODE, "");
    }
    this.#unanswered ??= now;
    this.send({ type: "ping", t: now });
  }

  #lost(socket: Socket, code: number, reason: string): void {
    if (socket !== this.#socket) return;
    this.#leave();
    if (FINAL.has(code)) {
      const said = { type: "error" as const, code: "refused", message: reason || `closed (${code})` };
      // A window that was let in is told of its token's end by the close alone.
      const revoked = { ...said, code: "token", message: "this token opens nothing any more" };
      const refusal = this.#status.refusal ?? (code === 4401 ? revoked : said);
      this.#set({ state: "refused", refusal });
      return;
    }
    const asked = (this.#status.refusal?.retry_after ?? 0) * 1000;
    const delay = Math.max(asked, backoff(this.#attempt++, this.#around.random()));
    this.#set({ state: "waiting", retryAt: Date.now() + delay });
    this.#retry = setTimeout(() => this.open(), delay);
  }

  #leave(): void {
    clearTimeout(this.#retry);
    clearInterval(this.#pings);
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  #set(change: Partial<Status>): void {
    this.#status = { ...this.#status, ...change };
    this.#tell("status", this.#status);
  }

  #tell<K extends keyof Listeners>(kind: K, ...what: Parameters<Listeners[K]>): void {
    for (const listener of [...this.#listeners[kind]])
      (listener as (...all: Parameters<Listeners[K]>) => void)(...what);
  }
}

/** The address of the program's socket, beside this page. */
export function socketUrl(at: Location = location): string {
  return `${at.protocol === "https:" ? "wss" : "ws"}://${at.host}/ws`;
}
