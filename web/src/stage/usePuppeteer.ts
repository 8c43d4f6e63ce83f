import { useEffect, useMemo, useState } from "react";
import type { Connection } from "../protocol/client";
import { Playback, type SoundState } from "../sound/playback";
import { Puppeteer } from "./puppeteer";

/** What moves and sounds on the connection's floor, while the window is there. */
export function usePuppeteer(connection: Connection): {
  puppeteer: Puppeteer;
  playback: Playback;
  sound: SoundState;
} {
  const { playback, puppeteer } = useMemo(() => {
    const playback = new Playback(() => connection.sample());
    return { playback, puppeteer: new Puppeteer(connection, playback) };
  }, [connection]);
  const [sound, setSound] = useState<SoundState>("off");
  useEffect(() => {
    const end = puppeteer.start();
    const report = playback.onState;
    playback.onState = (state) => {
      report(state);
      setSound(state);
    };
    setSound(playback.state);
    return () => {
      end();
      playback.close();
    };
  }, [puppeteer, playback]);
  return { puppeteer, playback, sound };
}
