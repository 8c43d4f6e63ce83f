import type { Connection } from "../protocol/client";
import { CameraError, type CameraTrouble } from "./camera";

/** Milliseconds after which nobody waits for a picture any more; the program itself waits three seconds. */
const LATE = 2_800;

/** Why there is no picture, for the program and its log. */
export const REASONS: Record<CameraTrouble | "late", string> = {
  insecure: "this page's address is not safe enough for a camera",
  denied: "the camera is not allowed",
  absent: "there is no camera",
  busy: "the camera does not answer",
  off: "the camera is off",
  late: "the camera was too slow, or nobody has allowed it yet",
};

/** Answer each wish for a picture with what `take` brings, or with why there is none; returns what ends it. */
export function answerSnapshots(connection: Connection, take: () => Promise<Uint8Array>): () => void {
  return connection.on("order", (order) => {
    if (order.type === "snapshot") void answer(connection, order.id, take);
  });
}

async function answer(connection: Connection, id: number, take: () => Promise<Uint8Array>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(REASONS.late)), LATE);
  });
  try {
    connection.sendPicture(id, await Promise.race([take(), late]));
  } catch (error) {
    const reason = error instanceof CameraError ? REASONS[error.trouble] : String((error as Error).message);
    connection.send({ type: "no_picture", id, reason });
  } finally {
    clearTimeout(timer);
  }
}
