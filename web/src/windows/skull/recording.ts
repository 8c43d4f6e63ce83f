import type { Ack } from "../../protocol/frames";

type Asked = Ack["of"];

/** Milliseconds after which an unanswered frame is sent again, and how often it is sent. */
const AGAIN = 1_000;
const TRIES = 3;

/** What came of a press that is not the partner's doing. */
export type Ending = { why: "refused"; text: string } | { why: "held" | "no_answer" | "lost" };

/** The button's side of the conversation with the program: each press is said until it was heard, and counts once. */
export class Recording {
  /** The program listens from now on, or no more. */
  onGo: (on: boolean) => void = () => {};
  /** The recording ended, or never began, though the button was held. */
  onEnd: (ending: Ending) => void = () => {};
  #wanted = false;
  #on = false;
  #asked: { id: number; of: Asked; tries: number } | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `first` is the first frame's id; one that was used before is acknowledged and does nothing. */
  constructor(
    private readonly send: (frame: { type: Asked; id: number }) => void,
    private first = Date.now(),
  ) {}

  press(): void {
    this.#wanted = true;
    this.#next();
  }

  release(): void {
    this.#wanted = false;
    this.#pass(false);
    this.#next();
  }

  take(ack: Ack) {
    if (ack.why === "held" && ack.of === "stop_recording" && ack.id === 0) {
      this.#settle();
      return this.#end({ why: "held" });
    }
    if (ack.id !== this.#asked?.id) return;
    const { of } = this.#asked;
    this.#settle();
    this.#on = of === "begin_recording" && ack.go;
    if (of === "begin_recording" && !ack.go) return this.#end({ why: "refused", text: ack.why ?? "" });
    this.#pass(this.#on && this.#wanted);
    this.#next();
  }

  /** The connection is gone, and with it whatever was recorded. */
  lost(): void {
    this.#settle();
    this.#end({ why: "lost" });
  }

  #next(): void {
    if (this.#asked || this.#wanted === this.#on) return;
    this.#asked = { id: this.first++, of: this.#wanted ? "begin_recording" : "stop_recording", tries: 0 };
    this.#say();
  }

  #say() {
    const asked = this.#asked;
    if (!asked) return;
    if (asked.tries++ === TRIES) {
      this.#settle();
      return this.#end({ why: "no_answer" });
    }
    this.send({ type: asked.of, id: asked.id });
    this.#timer = setTimeout(() => this.#say(), AGAIN);
  }

  #settle(): void {
    clearTimeout(this.#timer);
    this.#asked = null;
  }

  #end(ending: Ending): void {
    const was = this.#wanted || this.#on;
    this.#wanted = this.#on = false;
    this.#pass(false);
    if (was || ending.why === "no_answer") this.onEnd(ending);
  }

  #pass(on: boolean): void {
    this.onGo(on);
  }
}
