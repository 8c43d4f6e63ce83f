import { useEffect, useRef } from "react";
import { RATE } from "../../protocol/frames";
import { type JawMoment, type Servo, STEP } from "./servo";
import { DIALS, TEXT } from "./text";

/** Seconds that are seen, and milliseconds between two drawings. */
const SEEN = 4;
const EVERY = 60;
/** The angle at the top of the picture, in degrees. */
const TOP = DIALS.find((dial) => dial.key === "open")?.most ?? 30;

/** How the jaw follows the sound: its level, what the servo is told, and where the jaw is. */
export function Scope({ servo }: { servo: Servo }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const numbers = useRef<HTMLDListElement>(null);
  useEffect(() => {
    const timer = setInterval(() => {
      // A bench that is folded away is not drawn.
      if (!canvas.current?.offsetParent) return;
      const dots = numbers.current?.querySelectorAll("dt span") ?? [];
      // Only the page's own style knows the colours of the day and of the night.
      const colours = Array.from(dots, (dot) => getComputedStyle(dot).backgroundColor);
      draw(canvas.current, servo.moments.slice((-SEEN * RATE) / STEP), colours);
      const { level, commanded, real } = servo.now;
      const shown = [`${level}`, `${commanded.toFixed(0)}°`, `${real.toFixed(0)}°`];
      numbers.current?.querySelectorAll("dd").forEach((each, index) => {
        each.textContent = shown[index] ?? "";
      });
    }, EVERY);
    return () => clearInterval(timer);
  }, [servo]);
  return (
    <>
      <canvas
        ref={canvas}
        role="img"
        aria-label={TEXT.scope}
        className="block h-28 w-full rounded-md border border-line bg-house"
      />
      <dl ref={numbers} className="mt-2 grid grid-cols-3 text-center text-xs">
        {[
          [TEXT.level, "bg-edge"],
          [TEXT.commanded, "bg-gilt"],
          [TEXT.real, "bg-live"],
        ].map(([name, colour]) => (
          <div key={name} className="flex flex-col-reverse">
            <dt className="flex items-center justify-center gap-1 text-quiet">
              <span aria-hidden className={`size-2 rounded-full ${colour}`} />
              {name}
            </dt>
            <dd className="text-base font-semibold tabular-nums">–</dd>
          </div>
        ))}
      </dl>
    </>
  );
}

function draw(canvas: HTMLCanvasElement, moments: readonly JawMoment[], colours: string[]): void {
  const [shade = "", told = "", seen = ""] = colours;
  const { clientWidth, clientHeight } = canvas;
  canvas.width = clientWidth * devicePixelRatio;
  canvas.height = clientHeight * devicePixelRatio;
  const context = canvas.getContext("2d");
  if (!context) return;
  context.scale(devicePixelRatio, devicePixelRatio);
  const whole = (SEEN * RATE) / STEP;
  const line = (share: (moment: JawMoment) => number) => {
    const path = new Path2D();
    moments.forEach((moment, index) => {
      const x = ((index + whole - moments.length) / whole) * clientWidth;
      path.lineTo(x, clientHeight - 4 - share(moment) * (clientHeight - 8));
    });
    return path;
  };
  const level = line((moment) => moment.level / 255);
  level.lineTo(clientWidth, clientHeight);
  level.lineTo(clientWidth - (moments.length / whole) * clientWidth, clientHeight);
  context.fillStyle = shade;
  context.globalAlpha = 0.4;
  context.fill(level);
  context.globalAlpha = 1;
  context.lineWidth = 1.5;
  context.strokeStyle = told;
  context.stroke(line((moment) => moment.commanded / TOP));
  context.lineWidth = 2;
  context.strokeStyle = seen;
  context.stroke(line((moment) => moment.real / TOP));
}
