/** Trying one engine, over REST. */
import { call } from "../../../protocol/rest";

export interface Tried {
  ok: boolean;
  /** Milliseconds to the first word or sound; null where nothing came. */
  first_ms: number | null;
  /** Seconds that the whole of it took. */
  seconds: number;
  /** Seconds that it took for a second of sound; null where it makes none. */
  realtime?: number | null;
  /** What went wrong, or how it went, in plain words. */
  detail: string;
  /** What a brain answered or an ear understood. */
  text?: string;
  /** What a voice said: a WAV file, base64. */
  sound?: string;
}

/** The sound that is kept of lines that were said twice. */
export interface Sounds {
  lines: number;
  bytes: number;
  /** Bytes that it may take; 0 where nothing is kept. */
  most: number;
  /** Lines of this run that needed not be made. */
  hits: number;
  /** Lines of this run that voices had to make. */
  misses: number;
}

export const sounds = () => call<Sounds>("GET", "/sounds");
export const clearSounds = () => call<{ deleted: number }>("DELETE", "/sounds");

const part = encodeURIComponent;

export const tryEngine = (kind: string, name: string) =>
  call<Tried>("POST", `/engines/${part(kind)}/${part(name)}/try`);

/** The sound of a try as a file that the page may play. */
export function wav(base64: string): Blob {
  return new Blob([Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))], { type: "audio/wav" });
}
