import { type Connection, waits } from "../../protocol/client";
import { Camera, CameraError, type CameraSource, type CameraTrouble } from "../../sight/camera";
import { answerSnapshots } from "../../sight/snapshots";

export interface SightState {
  /** What the partner lets it see; null: nothing. */
  source: CameraSource | null;
  stream: MediaStream | null;
  /** Why it sees nothing, where the partner wanted it to. */
  trouble: CameraTrouble | null;
}

/** What the partner lets the character see: nothing, unless they say so, each time anew. */
export class Sight {
  state: SightState = { source: null, stream: null, trouble: null };
  #camera = new Camera();
  /** How often the partner chose: the last choice counts. */
  #choices = 0;
  #listeners = new Set<() => void>();

  constructor(private readonly connection: Connection) {
    this.#camera.onChange = () => {
      const { stream } = this.#camera;
      this.#set(stream ? { stream } : { stream, source: null });
      this.connection.send({ type: "camera", on: stream !== null });
    };
  }

  /** Follow the connection until the returned function is called. */
  start(): () => void {
    const ends = [
      this.connection.on("status", (status) => {
        // A connection that came back does not know of the last one's eyes.
        if (status.state === "open" && this.state.stream) this.connection.send({ type: "camera", on: true });
        // What stands in the window now has no switch for a camera that is on.
        if (status.state === "refused" || waits(status)) void this.show(null);
      }),
      answerSnapshots(this.connection, () => this.#camera.picture()),
    ];
    return () => {
      for (const end of ends) end();
      this.#camera.close();
    };
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Let it see this from now on; null: nothing. */
  async show(source: CameraSource | null): Promise<void> {
    const choice = ++this.#choices;
    this.#camera.close();
    this.#set({ source, trouble: null });
    if (!source) return;
    try {
      await this.#camera.open(source);
    } catch (error) {
      if (choice !== this.#choices) return;
      this.#set({ source: null, trouble: error instanceof CameraError ? error.trouble : "busy" });
    }
  }

  #set(change: Partial<SightState>): void {
    this.state = { ...this.state, ...change };
    for (const listener of this.#listeners) listener();
  }
}
