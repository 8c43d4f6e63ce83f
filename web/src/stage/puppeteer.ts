import type { CharacterHandle } from "../character/Character";
import type { Connection } from "../protocol/client";
import type { AnyEvent, Cue } from "../protocol/events";
import type { Playback } from "../sound/playback";
import { type Frame, NOTHING, Timeline } from "./timeline";

export type Mood = "idle" | "listening" | "thinking" | "speaking";

/** A window narrower than this many pixels shows less of a line at once. */
const NARROW = 640;
const NARROW_COLUMNS = 46;

/** Moves the character and the subtitles of one floor by the sample that is heard. */
export class Puppeteer {
  character: CharacterHandle | null = null;
  /** Called for every picture, with the sample it shows. */
  onPicture: (frame: Frame, sample: number) => void = () => {};
  /** The first sound of a line is heard, after a pause. */
  onVoice: () => void = () => {};
  /** What is seen now, for those who show it in words: the same object until a word, a phrase or a line changes. */
  frame: Frame = NOTHING;
  /** What the character does now. */
  doing: Mood = "idle";
  #timeline = new Timeline(innerWidth < NARROW ? NARROW_COLUMNS : undefined);
  /** What it does while it does not speak. */
  #mood: Mood = "idle";
  #mouth = NOTHING;
  #listeners = new Set<() => void>();

  constructor(
    private readonly connection: Connection,
    private readonly playback: Playback | null,
    /** Only this floor's events; without it every event that comes. */
    private readonly floor: string | null = null,
  ) {}

  /** Take the strings of a drawing that has come, or let go of one that has left. */
  readonly attach = (character: CharacterHandle | null): void => {
    this.character = character;
    character?.state(this.doing);
  };

  /** Be told when `frame` or `doing` changes; returns what ends it. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Follow the floor until the returned function is called. */
  start(): () => void {
    const { connection, playback } = this;
    const ends = [
      connection.on("event", (event) => this.take(event)),
      // Another session may be of another run, whose clock began again.
      connection.on("status", ({ state, welcome }) => state === "open" && !welcome?.resumed && this.#forget()),
      // What it did may have ended among what was lost. A line that sounds stays: one without an end ends by itself.
      connection.on("missed", () => {
        this.#mood = "idle";
      }),
    ];
    if (playback) {
      const report = () => connection.send({ type: "sound", on: playback.state === "on" });
      ends.push(
        connection.on("sound", (sound) => playback.play(sound)),
        connection.on("status", ({ state }) => {
          // What the program has sent is not stopped any more by what it would have sent next.
          if (state !== "open") return playback.clear();
          if (playback.state === "on") report();
          else void playback.again();
        }),
      );
      playback.onPlayed = (sample) => connection.send({ type: "played", sample });
      playback.onState = report;
    }
    let request = 0;
    const loop = () => {
      request = requestAnimationFrame(loop);
      this.look(this.#position());
    };
    loop();
    return () => {
      cancelAnimationFrame(request);
      for (const end of ends) end();
    };
  }

  /** Take in what happens. */
  take(event: AnyEvent) {
    if (this.floor !== null && event.floor !== this.floor) return;
    switch (event.type) {
      case "line_started":
        void this.playback?.again();
        return this.#timeline.started(event);
      case "line_timings":
        return this.#timeline.timings(event);
      case "line_translated":
        return this.#timeline.translated(event);
      case "line_ended":
        return this.#timeline.ended(event);
      case "stopped":
        this.playback?.stop(event.turn, event.why);
        // The loudspeaker is a little behind the floor's clock: what it has not let out by now is not heard.
        return this.#timeline.stopped({ ...event, sample: Math.min(event.sample, this.#position() ?? event.sample) });
      case "express":
        if (this.#play(event.cue)) this.connection.send({ type: "followed", cue: event.id });
        return;
      case "onset":
        this.#mood = "listening";
        break;
      case "speech_end":
        this.#mood = event.why === "noise" ? "idle" : "thinking";
        break;
      case "turn_started":
        // One without percepts was begun early and thrown away: its partner still speaks.
        if (event.percepts.length) this.#mood = "thinking";
        break;
      case "turn_ended":
        if (this.#mood !== "listening") this.#mood = "idle";
    }
  }

  /** Show what is due at `sample`. */
  look(sample: number | null): void {
    if (sample === null) return;
    const frame = this.#timeline.at(sample);
    if (frame.shape !== this.#mouth.shape || frame.level !== this.#mouth.level) {
      this.character?.mouth(frame.shape, frame.level);
    }
    this.#mouth = frame;
    for (const cue of this.#timeline.due(sample)) this.#play(cue);
    const doing = frame.speaking ? "speaking" : this.#mood;
    if (doing !== this.doing || changed(frame, this.frame)) this.#tell(frame, doing);
    this.onPicture(frame, sample);
  }

  /** Follow a cue; returns whether the character can. */
  #play(cue: Pick<Cue, "kind" | "name">): boolean {
    if (cue.kind === "expression") return this.character?.expression(cue.name) ?? false;
    return cue.kind === "animation" && (this.character?.gesture(cue.name) ?? false);
  }

  /** The sample that is heard now: by the loudspeaker where this window sounds, else by the floor's clock. */
  #position(): number | null {
    return this.playback?.position() ?? this.connection.sample();
  }

  #tell(frame: Frame, doing: Mood): void {
    const before = this.doing;
    this.frame = frame;
    this.doing = doing;
    if (doing !== before) {
      if (doing === "speaking") this.onVoice();
      if (doing === "idle") this.character?.expression("neutral");
      this.character?.state(doing);
    }
    for (const listener of this.#listeners) listener();
  }

  #forget(): void {
    this.#timeline.clear();
    this.#mood = "idle";
  }
}

/** Whether two frames differ in more than the mouth. */
function changed(a: Frame, b: Frame): boolean {
  return (
    a.line !== b.line || a.phrase !== b.phrase || a.lit !== b.lit || a.second !== b.second || a.speaking !== b.speaking
  );
}
