import { useEffect, useMemo, useReducer, useRef, useState, useSyncExternalStore } from "react";
import { useToast } from "../../design/Toast";
import type { Connection } from "../../protocol/client";
import type { Timings } from "../../protocol/events";
import { token } from "../../protocol/token";
import { useConnection, useStatus } from "../../protocol/useConnection";
import { choose, chosen } from "../../sound/devices";
import type { Playback } from "../../sound/playback";
import { secondOf } from "../../stage/second";
import { usePuppeteer } from "../../stage/usePuppeteer";
import { follow, START } from "./conversation";
import { Sight } from "./sight";
import { Speech } from "./speech";
import { LANGUAGES, textFor } from "./text";

const KEPT = {
  language: "marotte.language",
  name: "marotte.name",
  partner: "marotte.partner",
  subtitles: "marotte.subtitles",
  times: "marotte.times",
};
/** What sounds later than this is no answer any more, in milliseconds. */
const ANSWERED = 30_000;

function firstLanguage(): string {
  const kept = localStorage.getItem(KEPT.language);
  const wanted = kept ? [kept] : navigator.languages.map((each) => each.slice(0, 2).toLowerCase());
  return wanted.find((each) => each in LANGUAGES) ?? "en";
}

/** Who this browser's partner is, so that the character knows them again. */
function partner(): string {
  const kept = localStorage.getItem(KEPT.partner);
  if (kept) return kept;
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  const made = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  localStorage.setItem(KEPT.partner, made);
  return made;
}

/** Everything that the talk window knows and does, without its looks. */
export function useTalk(floor: string, subtitles: string | null) {
  const toast = useToast();
  const [entrance, setEntrance] = useState(0);
  const { language, name, keepLanguage, keepName } = usePartner();
  const { second, keepSecond } = useSecond(subtitles);
  const connection = useConnection(
    { window: "talk", token: token(), floor, language, name, partner: partner(), subtitles: second },
    `${floor}/${entrance}`,
  );
  const status = useStatus(connection);
  const { puppeteer, playback, sound } = usePuppeteer(connection);
  const [conversation, said] = useReducer(follow, START);
  const { latency, timings, asked } = useLatency(connection, puppeteer);
  const { speech, speaking } = useSpeech(connection, playback, language, asked);
  const { sight, seeing } = useSight(connection);
  const { muted, setMuted } = useMuted(playback);
  const { timesShown, toggleTimes } = useTimesShown();
  const { loudspeaker, setLoudspeaker } = useLoudspeaker(playback);
  useWake(playback);

  useEffect(() => {
    const ends = [
      connection.on("event", said),
      connection.on("error", (error) => toast(error.message, true)),
      connection.on("missed", () => {
        said({ type: "lost" });
        toast(textFor(language).missed, true);
      }),
    ];
    return () => {
      for (const end of ends) end();
    };
  }, [connection, toast, language]);

  return {
    status,
    puppeteer,
    conversation,
    latency,
    timings,
    timesShown,
    toggleTimes,
    loudspeaker,
    setLoudspeaker,
    sound,
    muted,
    language,
    name,
    second,
    speech,
    speaking,
    sight,
    seeing,
    send: (text: string) => {
      if (!connection.send({ type: "text", text })) return false;
      asked();
      said({ type: "typed", key: `typed-${performance.now()}`, text, language });
      return true;
    },
    stop: () => connection.send({ type: "stop" }),
    retry: () => setEntrance((count) => count + 1),
    setMuted,
    setLanguage: (next: string) => {
      keepLanguage(next);
      connection.amend({ language: next });
      connection.send({ type: "language", language: next });
    },
    setSecond: (next: string | null) => {
      keepSecond(next);
      connection.amend({ subtitles: next });
      connection.send({ type: "subtitles", language: next });
    },
    setName: (next: string) => {
      keepName(next);
      connection.amend({ name: next });
      connection.send({ type: "name", name: next });
    },
  };
}

export type Talking = ReturnType<typeof useTalk>;

/** The partner's language and name, kept in this browser. */
function usePartner() {
  const [language, setLanguage] = useState(firstLanguage);
  const [name, setName] = useState(() => localStorage.getItem(KEPT.name) ?? "");
  return {
    language,
    name,
    keepLanguage: (next: string) => {
      localStorage.setItem(KEPT.language, next);
      setLanguage(next);
    },
    keepName: (next: string) => {
      localStorage.setItem(KEPT.name, next);
      setName(next);
    },
  };
}

/** The second language of the subtitles, kept in this browser: "" is none, null as the show says. The address has the
 * first word. */
function useSecond(wish: string | null) {
  const [second, setSecond] = useState(() => secondOf(wish) ?? localStorage.getItem(KEPT.subtitles));
  const keepSecond = (next: string | null) => {
    if (next === null) localStorage.removeItem(KEPT.subtitles);
    else localStorage.setItem(KEPT.subtitles, next);
    setSecond(next);
  };
  return { second, keepSecond };
}

/** Whether the times of the last answer are shown, kept in this browser. */
function useTimesShown() {
  const [timesShown, setTimesShown] = useState(() => localStorage.getItem(KEPT.times) === "on");
  const toggleTimes = () => {
    localStorage.setItem(KEPT.times, timesShown ? "off" : "on");
    setTimesShown(!timesShown);
  };
  return { timesShown, toggleTimes };
}

/** Whether its voice is switched off here, on whichever connection. */
export function useMuted(playback: Pick<Playback, "volume">) {
  const [muted, setMuted] = useState(false);
  useEffect(() => playback.volume(muted ? 0 : 1), [playback, muted]);
  return { muted, setMuted };
}

/** Where the voice comes out, kept in this browser. */
function useLoudspeaker(playback: Playback) {
  const [loudspeaker, setLoudspeaker] = useState(() => chosen("audiooutput"));
  useEffect(() => {
    void playback.use(loudspeaker);
  }, [playback, loudspeaker]);
  return {
    loudspeaker,
    setLoudspeaker: (id: string) => {
      choose("audiooutput", id);
      setLoudspeaker(id);
    },
  };
}

/** Seconds from the end of the partner's words to the first sound of the answer, and of what they were made. */
function useLatency(connection: Connection, puppeteer: ReturnType<typeof usePuppeteer>["puppeteer"]) {
  const [latency, setLatency] = useState<number | null>(null);
  const [timings, setTimings] = useState<Timings | null>(null);
  const since = useRef(Number.NEGATIVE_INFINITY);
  const understood = useRef(Number.NEGATIVE_INFINITY);
  const sounded = useRef(Number.NEGATIVE_INFINITY);
  useEffect(() => {
    puppeteer.onVoice = () => {
      const waited = performance.now() - since.current;
      since.current = Number.NEGATIVE_INFINITY;
      if (waited < ANSWERED) setLatency(waited / 1000);
      sounded.current = performance.now();
    };
    return connection.on("event", (event) => {
      if (event.type === "speech_end" && event.why === "silence") since.current = performance.now();
      if (event.type === "transcript" && event.final) understood.current = performance.now();
      // What was never heard, or said by order, is no answer.
      if (event.type !== "turn_ended" || event.lane === "operator" || event.ending.timings.first_sample < 0) return;
      setTimings(event.ending.timings);
      // Only the program knows how long before the news of it their speech had ended.
      const { recognised } = event.ending.timings;
      const after = sounded.current - understood.current;
      if (recognised >= 0 && after >= 0 && after < ANSWERED) setLatency(recognised + after / 1000);
    });
  }, [connection, puppeteer]);
  const [asked] = useState(() => () => {
    since.current = performance.now();
  });
  return { latency, timings, asked };
}

function useSpeech(connection: Connection, playback: Playback, language: string, asked: () => void) {
  const toast = useToast();
  const speech = useMemo(() => new Speech(connection), [connection]);
  useEffect(() => {
    speech.onWake = () => void playback.start();
    speech.onSaid = asked;
    return speech.start();
  }, [speech, playback, asked]);
  useEffect(() => {
    speech.setLanguage(language);
    speech.onRecognitionFailed = () => toast(textFor(language).recognitionFailed, true);
  }, [speech, language, toast]);
  return { speech, speaking: useSyncExternalStore(speech.subscribe, () => speech.state) };
}

function useSight(connection: Connection) {
  const sight = useMemo(() => new Sight(connection), [connection]);
  useEffect(() => sight.start(), [sight]);
  return { sight, seeing: useSyncExternalStore(sight.subscribe, () => sight.state) };
}

/** The first click or key anywhere lets the voice be heard, where the browser wants one. */
function useWake(playback: Playback): void {
  useEffect(() => {
    const wake = () => void playback.start();
    wake();
    addEventListener("pointerdown", wake);
    addEventListener("keydown", wake);
    return () => {
      removeEventListener("pointerdown", wake);
      removeEventListener("keydown", wake);
    };
  }, [playback]);
}
