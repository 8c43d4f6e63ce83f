import { type CSSProperties, type RefObject, useEffect, useMemo, useRef, useSyncExternalStore } from "react";
import { cx } from "../design/cx";
import { Emoted } from "../emotes/Emoted";
import type { Connection } from "../protocol/client";
import { fitted, PITCH, type Shown, Spins, stop, WORDS_FROM, WORDS_LENGTH } from "./spins";

const TEXT = {
  turns: "The wheel turns…",
  turnedBy: (who: string) => `${who} turns the wheel…`,
  stops: "The wheel stops at",
  told: (winner: string) => `The wheel stops at ${winner}.`,
};
/** Of sectors, one after the other, and of the words on them. */
const COLOURS = [
  { fill: "var(--velvet)", words: "var(--ink)" },
  { fill: "var(--gilt)", words: "var(--house)" },
  { fill: "var(--line)", words: "var(--ink)" },
  { fill: "var(--live)", words: "var(--on-live)" },
  { fill: "var(--well)", words: "var(--house)" },
];
const BULBS = Array.from({ length: 24 }, (_, index) => index * 15);
const UP = { transform: "translateY(-130%)" };
const DOWN = { transform: "none" };
const FADE = 200;

/** The wheel of fortune: comes down from the flies when somebody turns it, and says where it has stopped. */
export function Wheel({ connection }: { connection: Connection }) {
  const spins = useMemo(() => new Spins(), []);
  useEffect(() => {
    const end = connection.on("event", spins.take);
    return () => {
      end();
      spins.close();
    };
  }, [connection, spins]);
  const shown = useSyncExternalStore(spins.subscribe, () => spins.shown);
  return (
    <>
      <p role="status" className="sr-only">
        {shown && (shown.phase === "turns" ? turned(shown) : TEXT.told(shown.spin.winner))}
      </p>
      {shown && <Hung key={shown.spin.id} shown={shown} />}
    </>
  );
}

const turned = ({ spin }: Shown) => (spin.who ? TEXT.turnedBy(spin.who) : TEXT.turns);

/** One spin. Who does not see it is told by the status. */
function Hung({ shown }: { shown: Shown }) {
  const { phase } = shown;
  const whole = useRef<HTMLDivElement>(null);
  const disc = useRef<SVGSVGElement>(null);
  const pointer = useRef<SVGGElement>(null);
  const reduced = useMemo(() => matchMedia("(prefers-reduced-motion: reduce)").matches, []);
  const angle = useMotion(shown, reduced, { whole, disc, pointer });
  return (
    <div
      ref={whole}
      aria-hidden="true"
      data-wheel={phase}
      // The house is dark by day too. Beside the character where there is room, else above its face.
      className="pointer-events-none fixed top-[6vh] z-10 flex scheme-dark flex-col items-center text-ink landscape:right-[4.5vw] landscape:w-[min(29vw,50vh)] portrait:inset-x-0 portrait:top-2 portrait:mx-auto portrait:w-[min(54vw,25vh)]"
    >
      <Ropes />
      <div className="relative aspect-square w-full drop-shadow-[0_8px_16px_rgb(0_0_0/0.45)]">
        <Disc shown={shown} angle={angle} disc={disc} />
        <Frame pointer={pointer} count={shown.spin.items.length} stands={phase !== "turns"} />
      </div>
      <Board shown={shown} />
    </div>
  );
}

/** What moves, moves here; returns how far the wheel is turned when it rests. */
function useMotion(
  { spin, turning, phase }: Shown,
  reduced: boolean,
  { whole, disc, pointer }: Record<"whole" | "disc" | "pointer", RefObject<Element | null>>,
): number {
  const angle = reduced && phase === "turns" ? 0 : stop(spin.at, spin.items.length, turning);
  useEffect(() => {
    if (reduced) {
      const part = phase === "stands" ? disc : whole;
      part.current?.animate({ opacity: phase === "leaves" ? [1, 0] : [0, 1] }, { duration: FADE, fill: "forwards" });
    } else if (phase === "turns") {
      whole.current?.animate([UP, DOWN], { duration: 800, easing: "cubic-bezier(0.2, 1.15, 0.4, 1)" });
      const turn = [{ transform: "rotate(0deg)" }, { transform: `rotate(${angle}deg)` }];
      disc.current?.animate(turn, { duration: turning, easing: "cubic-bezier(0.22, 0.5, 0.3, 1)" });
      // The pegs push it aside, less and less.
      const aside = [0, -16, -11, -15, -10, -13, -8, -9, -4, -6, 0].map((by) => ({ transform: `rotate(${by}deg)` }));
      pointer.current?.animate(aside, { duration: turning });
    } else if (phase === "leaves") {
      whole.current?.animate([DOWN, UP], { duration: 500, easing: "ease-in", fill: "forwards" });
    }
  }, [phase, reduced, angle, turning, whole, disc, pointer]);
  return angle;
}

/** What turns. The pointer is at nine o'clock, so that what it stops at can be read. */
function Disc({ shown, angle, disc }: { shown: Shown; angle: number; disc: RefObject<SVGSVGElement | null> }) {
  const { items, at } = shown.spin;
  const count = items.length;
  return (
    <svg
      aria-hidden="true"
      ref={disc}
      viewBox="-122 -122 244 244"
      className="absolute inset-0 size-full transition-none will-change-transform"
      style={{ transform: `rotate(${angle}deg)` }}
      data-disc=""
    >
      <circle r="100" fill="var(--house)" />
      {items.map((item, index) => (
        <g
          // biome-ignore lint/suspicious/noArrayIndexKey: what stands on a wheel never changes its place
          key={index}
          transform={`rotate(${((index + 0.5) * 360) / count})`}
          className={cx("transition-opacity duration-500", shown.phase !== "turns" && index !== at && "opacity-40")}
          data-sector={index}
        >
          <path d={sector(count)} fill={colour(index, count).fill} stroke="var(--house)" strokeWidth="0.8" />
          <Words text={item} count={count} colour={colour(index, count).words} />
        </g>
      ))}
      {items.map((_, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: as above
        <circle key={index} r={count > 24 ? 1.3 : 2.2} cx="-97" fill="var(--trim)" transform={peg(index, count)} />
      ))}
    </svg>
  );
}

/** One of `count` sectors, where the pointer is. */
function sector(count: number): string {
  const [x, y] = [-100 * Math.cos(Math.PI / count), 100 * Math.sin(Math.PI / count)];
  return `M0 0 L${x} ${-y} A100 100 0 0 0 ${x} ${y} Z`;
}

const peg = (index: number, count: number) => `rotate(${(index * 360) / count})`;

/** No two neighbours are alike. */
function colour(index: number, count: number) {
  const last = index === count - 1 && index % COLOURS.length === 0;
  return COLOURS[last ? 2 : index % COLOURS.length] as (typeof COLOURS)[number];
}

/** Words along a sector, never beyond it. */
function Words({ text, count, colour }: { text: string; count: number; colour: string }) {
  const { rows, size } = fitted(text, count);
  const last = rows.length - 1;
  const pitch = PITCH * size;
  const height = 1.6 * size + pitch * last;
  return (
    <svg
      aria-hidden="true"
      x={-WORDS_FROM}
      y={-height / 2}
      width={WORDS_LENGTH}
      height={height}
      overflow="hidden"
      fontSize={size}
      fontWeight="650"
      fill={colour}
    >
      {rows.map((row, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: as above
        <text key={index} y={height / 2 + pitch * (index - last / 2)} dy="0.35em">
          {row}
        </text>
      ))}
    </svg>
  );
}

interface FrameProps {
  pointer: RefObject<SVGGElement | null>;
  count: number;
  stands: boolean;
}

/** What stands still around it: the light on it, the rim with its bulbs, the hub and the pointer. */
function Frame({ pointer, count, stands }: FrameProps) {
  return (
    <svg aria-hidden="true" viewBox="-122 -122 244 244" className="absolute inset-0 size-full overflow-visible">
      <defs>
        <radialGradient id="wheel-light" cx="0.38" cy="0.3" r="0.75">
          <stop offset="0" stopColor="#fff" stopOpacity="0.2" />
          <stop offset="0.55" stopColor="#fff" stopOpacity="0" />
          <stop offset="1" stopColor="#000" stopOpacity="0.4" />
        </radialGradient>
        <linearGradient id="wheel-gilt" x2="0.4" y2="1">
          <stop offset="0" stopColor="#f6d98a" />
          <stop offset="0.5" stopColor="var(--gilt)" />
          <stop offset="1" stopColor="#80590a" />
        </linearGradient>
      </defs>
      <circle r="100" fill="url(#wheel-light)" />
      {stands && <path d={sector(count)} fill="none" stroke="#f6d98a" strokeWidth="2.5" strokeLinejoin="round" />}
      <circle r="107.5" fill="none" stroke="var(--velvet-deep)" strokeWidth="15" />
      <circle r="115" fill="none" stroke="url(#wheel-gilt)" strokeWidth="3.5" />
      <circle r="100.5" fill="none" stroke="url(#wheel-gilt)" strokeWidth="2.5" />
      {BULBS.map((at, index) => (
        <circle
          key={at}
          r="3.1"
          cx="-107.7"
          fill="#ffe7b0"
          stroke="#80590a"
          strokeWidth="0.6"
          transform={`rotate(${at})`}
          className="motion-safe:animate-breathe"
          style={{ animationDelay: `${(stands ? index % 2 : index / 12) * -0.8}s` } as CSSProperties}
        />
      ))}
      <circle r="17" fill="url(#wheel-gilt)" stroke="var(--house)" strokeWidth="1" />
      <path d="M0 -11 L7 0 L0 11 L-7 0 Z" fill="var(--velvet)" stroke="var(--velvet-deep)" strokeWidth="1.2" />
      <g ref={pointer} className="origin-[-117px_0px]">
        <path
          d="M-92 0 C-101 -5 -106 -13 -117 -13 A13 13 0 0 0 -117 13 C-106 13 -100 5 -92 0 Z"
          fill="var(--live)"
          stroke="var(--house)"
          strokeWidth="2"
        />
        <circle cx="-117" r="5.5" fill="url(#wheel-gilt)" stroke="var(--house)" strokeWidth="1" />
      </g>
    </svg>
  );
}

/** They hold it, from far above. */
function Ropes() {
  const rope =
    "absolute bottom-[calc(100%-14%)] h-[60vh] w-1 bg-[repeating-linear-gradient(150deg,var(--trim)_0_4px,#80590a_4px_7px)]";
  return (
    <div className="absolute inset-x-0 top-0 aspect-square">
      <div className={cx(rope, "left-[22%]")} />
      <div className={cx(rope, "right-[22%]")} />
    </div>
  );
}

/** The board below it: who turns, then what it has stopped at. */
function Board({ shown }: { shown: Shown }) {
  return (
    <div className="-mt-[2%] max-w-[112%] rounded-card border-2 border-gilt bg-raised/95 px-[1.1em] py-[0.4em] text-center text-[clamp(12px,min(2.1vh,3.6vw),26px)] leading-tight shadow-float">
      {shown.phase === "turns" ? (
        <p dir="auto" className="line-clamp-2 break-words text-quiet">
          {turned(shown)}
        </p>
      ) : (
        <>
          <p className="text-[0.85em] text-quiet">{TEXT.stops}</p>
          <p dir="auto" className="line-clamp-2 text-[2.4em] font-bold break-words text-gilt" data-winner="">
            <Emoted text={shown.spin.winner} />
          </p>
        </>
      )}
    </div>
  );
}
