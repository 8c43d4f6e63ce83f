/** What stands in a table's cell, for people. Pure. */
import type { Cell, Column } from "./api";

const number = new Intl.NumberFormat("en", { maximumFractionDigits: 3 });
const UNITS = ["B", "kB", "MB", "GB", "TB"];

/** Bytes with their unit. */
export function bytes(size: number): string {
  let left = size;
  let unit = 0;
  while (left >= 1000 && unit < UNITS.length - 1) {
    left /= 1000;
    unit++;
  }
  return `${left < 10 && unit > 0 ? left.toFixed(1) : Math.round(left)} ${UNITS[unit]}`;
}

const MOMENT = /^(at|due|until|first_seen|last_seen)$/;

/** Whether a cell holds a moment: seconds of the wall clock. */
export function isMoment({ name, type }: Column, value: Cell): value is number {
  return type === "float" && MOMENT.test(name) && typeof value === "number" && value > 1e9;
}

/** A cell in a word. */
export function shown(value: Cell): string {
  if (value === null) return "–";
  if (typeof value === "number") return number.format(value);
  if (typeof value === "boolean") return value ? "yes" : "no";
  return value;
}

/** What somebody typed, as the column's type has it; an error says why it cannot be. */
export function typed({ name, type }: Column, text: string): Cell {
  if (type === "text") return text;
  if (type === "boolean") return text === "true";
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) throw new Error(`${name}: “${text}” is not a number`);
  return value;
}

/** The next order of a column: up, down, as it is. */
export function turned(order: string, column: string): string {
  if (order === column) return `-${column}`;
  return order === `-${column}` ? "" : column;
}
