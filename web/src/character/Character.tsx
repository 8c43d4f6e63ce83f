/** Shows a drawn character and lets its owner move it; poses go straight to the drawing, never through React. */
import { type Ref, useEffect, useId, useImperativeHandle, useMemo, useRef } from "react";
import jester from "../../../characters/jester.svg?raw";
import skull from "../../../characters/skull.svg?raw";
import { type Drawing, read, transform } from "./drawing";
import { isFeeling, type Shape } from "./feelings";
import { GESTURES, type Gesture } from "./gestures";
import { type Pose, Rig, type Sheet, type State } from "./rig";

const SOURCES = { jester, skull };
export type DrawingName = keyof typeof SOURCES;

const drawings = new Map<DrawingName, Drawing>();

function drawn(name: DrawingName): Drawing {
  const known = drawings.get(name) ?? read(SOURCES[name]);
  drawings.set(name, known);
  return known;
}

export interface CharacterHandle {
  /** Show a mouth; `level` is how far it is open, 0 to 1. */
  mouth(shape: Shape, level: number): void;
  /** Hold the jaw as far open as a servo does, 0 to 1, from now on: mouths move it no more. */
  jaw(open: number): void;
  /** Show a feeling; one that is not drawn shows as neutral. */
  expression(name: string): boolean;
  /** Make a gesture once; returns whether it is one that is known. */
  gesture(name: string): boolean;
  state(name: State): void;
  /** Look at a place for a while: -1 to 1 across and down, 0, 0 is the viewer. */
  look(x: number, y: number): void;
}

export interface CharacterProps {
  drawing: DrawingName;
  handle?: Ref<CharacterHandle>;
  className?: string;
  label: string;
  /** Whose seed is the same moves the same. */
  seed?: number;
}

export function Character({ drawing, handle, className, label, seed = 1 }: CharacterProps) {
  const root = useRef<SVGSVGElement>(null);
  const prefix = `${useId().replace(/[^\w-]/g, "")}-`;
  const { viewBox, sheet, markup } = drawn(drawing);
  const inside = useMemo(() => ({ __html: markup(prefix) }), [markup, prefix]);
  const rig = useMemo(() => new Rig(sheet, { seed }), [sheet, seed]);

  useImperativeHandle(handle, () => commands(rig, root), [rig]);

  useEffect(() => {
    const svg = root.current;
    if (!svg) return;
    const reduced = window.matchMedia("(prefers-reduced-motion: reduce)");
    const painter = new Painter(svg, sheet, prefix);
    let frame = 0;
    const paint = (now: number) => {
      rig.reduced = reduced.matches;
      painter.paint(rig.pose(now / 1000));
      frame = requestAnimationFrame(paint);
    };
    frame = requestAnimationFrame(paint);
    return () => cancelAnimationFrame(frame);
  }, [rig, sheet, prefix]);

  return (
    <svg
      key={drawing}
      ref={root}
      viewBox={viewBox}
      className={className}
      role="img"
      aria-label={label}
      data-mouth="rest"
      data-level="0"
      data-expression="neutral"
      // biome-ignore lint/security/noDangerouslySetInnerHtml: our own drawing, built into the page
      dangerouslySetInnerHTML={inside}
    />
  );
}

/** The handle: each order goes to the rig, and is written on the root for whoever watches. */
function commands(rig: Rig, root: { current: SVGSVGElement | null }): CharacterHandle {
  const write = (name: string, value: string) => root.current?.setAttribute(`data-${name}`, value);
  return {
    mouth(shape, level) {
      rig.mouth(shape, level);
      write("mouth", shape);
      write("level", level.toFixed(2));
    },
    jaw(open) {
      rig.jaw(open);
      write("jaw", open.toFixed(2));
    },
    expression(name) {
      const feeling = isFeeling(name) ? name : "neutral";
      rig.expression(feeling);
      write("expression", feeling);
      return feeling === name;
    },
    gesture(name) {
      const gesture = GESTURES.find((each: Gesture) => each === name);
      if (gesture) rig.gesture(gesture);
      return gesture !== undefined;
    },
    state(name) {
      rig.state(name);
    },
    look(x, y) {
      rig.look(x, y);
    },
  };
}

/** Writes poses to the drawing's elements, and only what has changed. */
class Painter {
  #parts: { id: string; element: SVGElement; transform: string; opacity: number }[];
  #sheet: Sheet;

  constructor(svg: SVGSVGElement, sheet: Sheet, prefix: string) {
    this.#sheet = sheet;
    this.#parts = Object.keys(sheet).flatMap((id) => {
      const element = svg.querySelector<SVGElement>(`#${CSS.escape(prefix + id)}`);
      return element ? [{ id, element, transform: "", opacity: -1 }] : [];
    });
  }

  paint(pose: Pose): void {
    for (const part of this.#parts) {
      const placing = pose[part.id];
      const joint = this.#sheet[part.id];
      if (!placing || !joint) continue;
      const opacity = Math.round(placing.opacity * 100) / 100;
      if (opacity !== part.opacity) {
        part.element.setAttribute("opacity", String(opacity));
        // What is not seen is not laid out either.
        if (opacity === 0) part.element.setAttribute("display", "none");
        else if (part.opacity <= 0) part.element.removeAttribute("display");
        part.opacity = opacity;
      }
      if (opacity === 0) continue;
      const text = transform(placing, joint);
      if (text === part.transform) continue;
      part.element.setAttribute("transform", text);
      part.transform = text;
    }
  }
}
