/** Reads a drawing (SVG text) once: its parts, their joints, and markup whose ids are one instance's own. */
import type { Joint, Placing, Sheet } from "./rig";

export interface Drawing {
  viewBox: string;
  sheet: Sheet;
  /** The drawing's inside, with every id and every reference to one under `prefix`. */
  markup(prefix: string): string;
}

const NOWHERE = [0, 0] as const;

/** Parse a character; raises an Error naming the part whose numbers cannot be read. */
export function read(source: string): Drawing {
  const viewBox = /<svg\b[^>]*\bviewBox="([^"]+)"/.exec(source)?.[1];
  if (!viewBox) throw new Error("the drawing has no <svg viewBox>");
  const inside = source
    .slice(source.indexOf(">", source.indexOf("<svg")) + 1, source.lastIndexOf("</svg>"))
    .replace(/<title>.*?<\/title>/s, "");
  const sheet: Record<string, Joint> = {};
  for (const [tag] of inside.matchAll(/<g\b[^>]*>/g)) {
    const id = attribute(tag, "id");
    if (id) sheet[id] = joint(tag, id);
  }
  return {
    viewBox,
    sheet,
    markup: (prefix) =>
      inside.replace(/\bid="([^"]+)"/g, `id="${prefix}$1"`).replace(/url\(#([^)]+)\)/g, `url(#${prefix}$1)`),
  };
}

function joint(tag: string, id: string): Joint {
  return {
    pivot: pair(tag, "data-pivot", id),
    travel: pair(tag, "data-travel", id),
    size: pair(tag, "data-size", id),
    squeeze: Number(attribute(tag, "data-squeeze") ?? 0),
  };
}

function attribute(tag: string, name: string): string | undefined {
  return new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1];
}

function pair(tag: string, name: string, id: string): readonly [number, number] {
  const text = attribute(tag, name);
  if (text === undefined) return NOWHERE;
  const [x, y, ...more] = text.split(",").map(Number);
  if (x === undefined || y === undefined || more.length || !Number.isFinite(x + y)) {
    throw new Error(`part "${id}": ${name}="${text}" is not "x,y"`);
  }
  return [x, y];
}

/** Write a placing as an SVG transform about the part's pivot. */
export function transform({ x, y, turn, growX, growY }: Placing, { pivot: [px, py] }: Joint): string {
  const angle = (turn * Math.PI) / 180;
  const cos = Math.cos(angle);
  const sin = Math.sin(angle);
  const [a, b, c, d] = [cos * growX, sin * growX, -sin * growY, cos * growY];
  const e = x + px - a * px - c * py;
  const f = y + py - b * px - d * py;
  return `matrix(${[a, b, c, d].map((n) => n.toFixed(4)).join(" ")} ${e.toFixed(2)} ${f.toFixed(2)})`;
}
