/** Which microphone and loudspeaker this browser uses; the choice is remembered here and nowhere else. */

export type DeviceKind = "audioinput" | "audiooutput";

export interface Device {
  id: string;
  name: string;
}

const KEPT: Record<DeviceKind, string> = {
  audioinput: "marotte.microphone",
  audiooutput: "marotte.loudspeaker",
};
/** Names under which a browser lists its own choice a second time. */
const ALIASES = new Set(["", "default", "communications"]);

/** The device that was chosen; "" is the browser's own choice. */
export function chosen(kind: DeviceKind): string {
  return localStorage.getItem(KEPT[kind]) ?? "";
}

export function choose(kind: DeviceKind, id: string): void {
  localStorage.setItem(KEPT[kind], id);
}

/** The devices that the browser tells of: none before a microphone was allowed. */
export async function devices(kind: DeviceKind): Promise<Device[]> {
  const all = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
  return all
    .filter((each) => each.kind === kind && !ALIASES.has(each.deviceId))
    .map(({ deviceId, label }) => ({ id: deviceId, name: label || deviceId.slice(0, 8) }));
}

/** Be told when a device comes or goes; returns what ends it. */
export function onDevices(listener: () => void): () => void {
  navigator.mediaDevices?.addEventListener("devicechange", listener);
  return () => navigator.mediaDevices?.removeEventListener("devicechange", listener);
}

/** Whether this browser lets a page choose where its sound comes out. */
export function loudspeakerOffered(): boolean {
  return typeof AudioContext !== "undefined" && "setSinkId" in AudioContext.prototype;
}

/** Whether the microphone may be opened without asking anybody. */
export async function microphoneAllowed(): Promise<boolean> {
  // Not every browser answers for a microphone.
  const asked = navigator.permissions?.query({ name: "microphone" as PermissionName }).catch(() => null);
  return (await asked)?.state === "granted";
}
