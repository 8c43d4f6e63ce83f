/** What the program may see of this partner: their camera, or their screen. */
export type CameraSource = "camera" | "screen";

/** Why there is no picture. */
export type CameraTrouble = "insecure" | "denied" | "absent" | "busy" | "off";

export class CameraError extends Error {
  constructor(readonly trouble: CameraTrouble) {
    super(`the camera is ${trouble}`);
  }
}

const TROUBLES: Record<string, CameraTrouble> = {
  NotAllowedError: "denied",
  SecurityError: "denied",
  NotFoundError: "absent",
  OverconstrainedError: "absent",
};

/** A picture's longest side, in pixels, and its size in bytes, as the protocol has them. */
const LONGEST = 1_280;
const MOST = 200_000;
/** How well a picture is kept: the first that is small enough is taken. */
const QUALITIES = [0.85, 0.7, 0.5, 0.3];

/** Whether this browser can show a page the screen. */
export function screenOffered(): boolean {
  return isSecureContext && "getDisplayMedia" in (navigator.mediaDevices ?? {});
}

/** Whether this browser can show a page what a camera sees. */
export function cameraOffered(): boolean {
  return isSecureContext && "getUserMedia" in (navigator.mediaDevices ?? {});
}

/** The partner's camera or screen: nobody sees anything before it was opened, and nothing but the pictures taken. */
export class Camera {
  /** It was opened or shut, by whomever: the browser has a switch of its own. */
  onChange: () => void = () => {};
  #stream: MediaStream | null = null;
  #film: HTMLVideoElement | null = null;
  #opening: Promise<void> | null = null;
  /** How often it was opened or shut: what was asked for before counts no more. */
  #wishes = 0;

  /** What is seen now, for a preview; null while it is shut. */
  get stream(): MediaStream | null {
    return this.#stream;
  }

  /** Open it; throws `CameraError` where there is none to have. */
  open(source: CameraSource): Promise<void> {
    this.#opening ??= this.#open(source);
    return this.#opening;
  }

  close(): void {
    this.#wishes++;
    const stream = this.#stream;
    this.#stream = this.#film = this.#opening = null;
    for (const track of stream?.getTracks() ?? []) track.stop();
    if (stream) this.onChange();
  }

  /** Take a picture now, as JPEG of at most 200 kB; throws `CameraError` where it is shut. */
  async picture(): Promise<Uint8Array> {
    const film = this.#film;
    if (!film) throw new CameraError("off");
    // Its size is known a little before its first picture is.
    if (film.readyState < film.HAVE_CURRENT_DATA)
      await new Promise((seen) => film.addEventListener("loadeddata", seen, { once: true }));
    let share = Math.min(1, LONGEST / Math.max(film.videoWidth, film.videoHeight));
    for (;;) {
      for (const quality of QUALITIES) {
        const picture = await drawn(film, share, quality);
        if (picture.length <= MOST) return picture;
      }
      share /= 2;
    }
  }

  async #open(source: CameraSource): Promise<void> {
    const wish = ++this.#wishes;
    let stream: MediaStream;
    try {
      stream = await this.#ask(source);
    } catch (error) {
      if (wish !== this.#wishes) throw new CameraError("off");
      this.close();
      throw error;
    }
    if (wish !== this.#wishes) {
      // It was shut, and perhaps opened anew, while the browser asked: leave nothing open behind.
      for (const track of stream.getTracks()) track.stop();
      throw new CameraError("off");
    }
    const film = document.createElement("video");
    film.muted = true;
    film.playsInline = true;
    film.srcObject = stream;
    void film.play().catch(() => {});
    for (const track of stream.getVideoTracks()) track.onended = () => this.close();
    this.#stream = stream;
    this.#film = film;
    this.onChange();
  }

  async #ask(source: CameraSource): Promise<MediaStream> {
    if (!isSecureContext || !navigator.mediaDevices) throw new CameraError("insecure");
    const { mediaDevices } = navigator;
    try {
      return await (source === "screen"
        ? mediaDevices.getDisplayMedia({ video: { frameRate: 5 } })
        : mediaDevices.getUserMedia({ video: { width: { ideal: LONGEST }, facingMode: "user" } }));
    } catch (error) {
      throw new CameraError(TROUBLES[error instanceof DOMException ? error.name : ""] ?? "busy");
    }
  }
}

async function drawn(film: HTMLVideoElement, share: number, quality: number): Promise<Uint8Array> {
  const canvas = new OffscreenCanvas(Math.round(film.videoWidth * share), Math.round(film.videoHeight * share));
  canvas.getContext("2d")?.drawImage(film, 0, 0, canvas.width, canvas.height);
  const picture = await canvas.convertToBlob({ type: "image/jpeg", quality });
  return new Uint8Array(await picture.arrayBuffer());
}
