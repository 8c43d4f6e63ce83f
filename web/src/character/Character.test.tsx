// @vitest-environment jsdom
import { act, cleanup, render, screen } from "@testing-library/react";
import { createRef } from "react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Character, type CharacterHandle } from "./Character";

let frames: FrameRequestCallback[] = [];

/** Paint one frame at `ms`. */
function frame(ms: number): void {
  const due = frames;
  frames = [];
  for (const paint of due) paint(ms);
}

beforeEach(() => {
  frames = [];
  vi.stubGlobal("requestAnimationFrame", (paint: FrameRequestCallback) => frames.push(paint));
  vi.stubGlobal("cancelAnimationFrame", () => {
    frames = [];
  });
  vi.stubGlobal("matchMedia", () => ({ matches: false }));
  vi.stubGlobal("CSS", { escape: (text: string) => text });
});

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

function shown() {
  const handle = createRef<CharacterHandle>();
  render(<Character drawing="jester" handle={handle} label="Pip" className="tall" />);
  const root = screen.getByRole("img", { name: "Pip" });
  const part = (id: string) => root.querySelector(`[id$="-${id}"]`);
  if (!handle.current) throw new Error("no handle");
  return { root, part, character: handle.current };
}

describe("a character", () => {
  it("is a picture with a label, at rest", () => {
    const { root } = shown();
    expect(root.getAttribute("class")).toBe("tall");
    expect({ ...root.dataset }).toEqual({ mouth: "rest", level: "0", expression: "neutral" });
  });

  it("writes what it is told on its root, and strange feelings as neutral", () => {
    const { root, character } = shown();
    character.mouth("wide", 0.456);
    character.expression("joy");
    expect({ ...root.dataset }).toEqual({ mouth: "wide", level: "0.46", expression: "joy" });
    character.expression("hangry");
    expect(root.dataset.expression).toBe("neutral");
    expect(() => character.gesture("somersault")).not.toThrow();
  });

  it("shows the mouth it is told from the next frame on", () => {
    const { part, character } = shown();
    frame(0);
    expect(part("mouth-rest")?.getAttribute("opacity")).toBe("1");
    character.mouth("open", 1);
    frame(50);
    expect(part("mouth-rest")?.getAttribute("display")).toBe("none");
    expect(part("mouth-open")?.getAttribute("display")).toBeNull();
    const [, , , , , drop] = part("jaw")?.getAttribute("transform")?.slice(7, -1).split(" ") ?? [];
    expect(Number(drop)).toBeGreaterThan(8);
  });

  it("stands beside another without sharing ids", () => {
    render(
      <>
        <Character drawing="skull" label="one" />
        <Character drawing="skull" label="two" />
      </>,
    );
    const ids = [...document.querySelectorAll("svg [id]")].map((element) => element.id);
    expect(ids.length).toBeGreaterThan(100);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("stops painting when it is taken away", () => {
    const { unmount } = render(<Character drawing="skull" label="Bones" />);
    expect(frames).toHaveLength(1);
    act(unmount);
    expect(frames).toHaveLength(0);
  });
});
