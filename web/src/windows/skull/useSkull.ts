import { useEffect, useMemo, useState, useSyncExternalStore } from "react";
import type { Ability } from "../../protocol/frames";
import { token } from "../../protocol/token";
import { useConnection, useStatus } from "../../protocol/useConnection";
import { cameraOffered } from "../../sight/camera";
import { Playback, type SoundState } from "../../sound/playback";
import { Skull } from "./skull";

const PARTNER = "marotte.skull.partner";

/** Who this skull is, the same each time: what was spoken of with it is kept under it. */
function partner(): string {
  const kept = localStorage.getItem(PARTNER);
  if (kept) return kept;
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const made = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  localStorage.setItem(PARTNER, made);
  return made;
}

/** What this page has: a browser gives it ears, a voice and eyes at a safe address only. */
function abilities(): Ability[] {
  const senses: Ability[] = isSecureContext ? ["button", "microphone", "loudspeaker"] : [];
  return [...senses, ...(cameraOffered() ? ["camera" as const] : []), "light", "jaw"];
}

/** A skull called `name` on a connection of its own, while the window is there. */
export function useSkull(name: string, language: string) {
  const [entrance, setEntrance] = useState(0);
  const connection = useConnection(
    {
      window: "skull",
      name,
      token: token(),
      partner: partner(),
      language,
      can: abilities(),
    },
    `${name}/${entrance}`,
  );
  const { skull, playback } = useMemo(() => {
    const playback = new Playback(() => connection.sample());
    return { playback, skull: new Skull(connection, playback) };
  }, [connection]);
  const [sound, setSound] = useState<SoundState>("off");
  useEffect(() => {
    playback.onState = (state) => {
      setSound(state);
      skull.tellSound();
    };
    const end = skull.start();
    const wake = () => void playback.start();
    wake();
    // The first click or key anywhere lets the voice be heard, where the browser wants one.
    addEventListener("pointerdown", wake);
    addEventListener("keydown", wake);
    return () => {
      removeEventListener("pointerdown", wake);
      removeEventListener("keydown", wake);
      end();
      playback.close();
    };
  }, [skull, playback]);
  return {
    skull,
    sound,
    status: useStatus(connection),
    state: useSyncExternalStore(skull.subscribe, () => skull.state),
    retry: () => setEntrance((count) => count + 1),
  };
}

export type Playing = ReturnType<typeof useSkull>;
