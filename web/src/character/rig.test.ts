import { describe, expect, it } from "vitest";
import jester from "../../../characters/jester.svg?raw";
import skull from "../../../characters/skull.svg?raw";
import { read, transform } from "./drawing";
import { FEELINGS, type FeelingName, SHAPES } from "./feelings";
import { GESTURES } from "./gestures";
import { type Pose, Rig, type RigOptions } from "./rig";

const DRAWINGS = { jester: read(jester), skull: read(skull) };
const { sheet } = DRAWINGS.jester;
const FRAME = 1 / 60;

/** Let the rig live from `from` to `to` (seconds), and return every pose on the way. */
function live(rig: Rig, from: number, to: number, frame = FRAME): Pose[] {
  const poses: Pose[] = [];
  for (let now = from; now <= to + 1e-9; now += frame) poses.push(rig.pose(now));
  return poses;
}

function started(options?: RigOptions): Rig {
  const rig = new Rig(sheet, options);
  rig.pose(0);
  return rig;
}

function last(poses: Pose[]): Pose {
  const pose = poses.at(-1);
  if (!pose) throw new Error("no pose");
  return pose;
}

function part(pose: Pose, id: string) {
  const placing = pose[id];
  if (!placing) throw new Error(`${id} is not placed`);
  return placing;
}

const track = (poses: Pose[], id: string, key: "x" | "y" | "turn" | "growX" | "growY" | "opacity") =>
  poses.map((pose) => part(pose, id)[key]);
const range = (values: number[]) => Math.max(...values) - Math.min(...values);

describe("the drawings", () => {
  const needed = [
    ...[
      "figure",
      "stand",
      "body",
      "head",
      "cap",
      "face",
      "jaw",
      "mouth",
      "tear",
      "sweat",
      "blush",
      "sparkle",
      "bell-1",
    ],
    ...["cheek", "brow", "eye", "pupil", "lid", "squint"].flatMap((id) => [`${id}-left`, `${id}-right`]),
    ...[...SHAPES, "smile", "frown"].map((shape) => `mouth-${shape}`),
  ];

  it.each(Object.entries(DRAWINGS))("%s has every part that the rig needs, with its joint", (_, drawing) => {
    for (const id of needed) expect(drawing.sheet, id).toHaveProperty(id);
    for (const side of ["left", "right"]) {
      expect(drawing.sheet[`lid-${side}`]?.travel[1]).toBeGreaterThan(0);
      expect(drawing.sheet[`squint-${side}`]?.travel[1]).toBeLessThan(0);
    }
    for (const shape of [...SHAPES, "smile", "frown"])
      expect(drawing.sheet[`mouth-${shape}`]?.size[0]).toBeGreaterThan(0);
    expect(drawing.sheet.jaw?.travel[1]).toBeGreaterThan(0);
  });

  it.each(Object.entries({ jester, skull }))("%s is plain SVG that every renderer draws", (_, source) => {
    expect(source).not.toMatch(/<(filter|text|style|image|use|script|foreignObject|animate)\b/);
    expect(source).not.toMatch(/href=/);
    const ids = [...source.matchAll(/\bid="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [, id] of source.matchAll(/url\(#([^)]+)\)/g)) expect(ids).toContain(id);
  });

  it("gives two instances ids of their own, and references that follow them", () => {
    const markup = DRAWINGS.jester.markup("a-");
    expect(markup).toContain('id="a-jaw"');
    expect(markup).not.toMatch(/\bid="(?!a-)/);
    expect(markup).not.toMatch(/url\(#(?!a-)/);
  });

  it("names the part whose numbers are wrong", () => {
    expect(() => read('<svg viewBox="0 0 1 1"><g id="jaw" data-pivot="4"/></svg>')).toThrow(
      'part "jaw": data-pivot="4"',
    );
    expect(() => read("<svg/>")).toThrow("viewBox");
  });
});

describe("a placing", () => {
  it("turns and grows about the pivot and then moves", () => {
    const joint = { pivot: [10, 20], travel: [0, 0], size: [0, 0], squeeze: 0 } as const;
    const still = { x: 0, y: 0, turn: 0, growX: 1, growY: 1, opacity: 1 };
    expect(transform({ ...still, x: 3, y: -4 }, joint)).toBe("matrix(1.0000 0.0000 0.0000 1.0000 3.00 -4.00)");
    expect(transform({ ...still, turn: 90 }, joint)).toBe("matrix(0.0000 1.0000 -1.0000 0.0000 30.00 10.00)");
    expect(transform({ ...still, growX: 2 }, joint)).toBe("matrix(2.0000 0.0000 0.0000 1.0000 -10.00 0.00)");
  });
});

describe("blinks", () => {
  const lid = sheet["lid-left"]?.travel[1] ?? 0;
  /** When the lids come to be closed. */
  function blinks(seed: number): number[] {
    const rig = started({ seed });
    const ys = Array.from({ length: 60 * 30 }, (_, i) => part(rig.pose(i / 30), "lid-left").y);
    return ys.flatMap((y, i) => (y > 0.6 * lid && (ys[i - 1] ?? 0) <= 0.6 * lid ? [i / 30] : []));
  }

  it("come every 2 to 6 seconds, sometimes twice, and differ by seed", () => {
    const pauses = [1, 2, 3].flatMap((seed) => blinks(seed).map((at, i, all) => (i ? at - (all[i - 1] ?? 0) : 3)));
    expect(Math.max(...pauses)).toBeLessThan(6.4);
    expect(pauses.every((pause) => pause < 0.5 || pause > 1.9)).toBe(true);
    expect(pauses.some((pause) => pause < 0.5)).toBe(true);
    expect(blinks(1).length).toBeGreaterThan(9);
    expect(blinks(1)).not.toEqual(blinks(2));
  });
});

describe("the mouth", () => {
  it("opens the jaw nine tenths of the way within 50 ms, and closes it within 90", () => {
    const rig = started();
    live(rig, 0, 1);
    rig.mouth("open", 1);
    const travel = sheet.jaw?.travel[1] ?? 0;
    expect(part(last(live(rig, 1, 1.05)), "jaw").y).toBeGreaterThan(0.9 * travel);
    rig.mouth("closed", 0);
    expect(part(last(live(rig, 1.05, 1.14)), "jaw").y).toBeLessThan(0.1 * travel);
  });

  it.each(SHAPES)("shows %s and no other", (shape) => {
    const rig = started();
    rig.mouth(shape, 1);
    const pose = last(live(rig, 0, 0.2));
    for (const other of SHAPES) expect(part(pose, `mouth-${other}`).opacity).toBe(other === shape ? 1 : 0);
  });

  it("is open as far as the level says", () => {
    const heights = [0, 0.3, 0.6, 1].map((level) => {
      const rig = started();
      rig.mouth("wide", level);
      const pose = last(live(rig, 0, 0.4));
      return [part(pose, "mouth-wide").growY, part(pose, "jaw").y];
    });
    expect(heights).toEqual([...heights].sort(([a = 0], [b = 0]) => a - b));
    expect(new Set(heights.map(([, jaw]) => jaw)).size).toBe(4);
  });

  it("shows the feeling's own mouth only while nothing is said", () => {
    const rig = started();
    rig.expression("sad");
    expect(part(last(live(rig, 0, 0.5)), "mouth-frown").opacity).toBe(1);
    rig.mouth("wide", 0.5);
    const pose = last(live(rig, 0.5, 0.6));
    expect([part(pose, "mouth-frown").opacity, part(pose, "mouth-wide").opacity]).toEqual([0, 1]);
  });
});

describe("what hangs", () => {
  it("lags behind a shake, swings, and settles", () => {
    const rig = started();
    live(rig, 0, 8);
    rig.gesture("shake");
    const swung = range(track(live(rig, 8, 9.2), "bell-1", "turn"));
    live(rig, 9.2, 13);
    const settled = range(track(live(rig, 13, 16), "bell-1", "turn"));
    expect(swung).toBeGreaterThan(20);
    expect(settled).toBeLessThan(swung / 3);
  });
});

describe("feelings", () => {
  const names = Object.keys(FEELINGS) as FeelingName[];

  it.each(names)("%s is reached within a second and stays", (name) => {
    const rig = started({ reduced: true });
    rig.expression(name);
    live(rig, 0, 1);
    const { browLeft, blush, tear, sparkle } = FEELINGS[name].muscles;
    for (const pose of live(rig, 1, 2)) {
      // A blink lowers the brows by up to 0.18.
      const brow = -part(pose, "brow-left").y / (sheet["brow-left"]?.travel[1] ?? 1);
      expect(brow).toBeLessThan(browLeft + 0.02);
      expect(brow).toBeGreaterThan(browLeft - 0.2);
      expect(part(pose, "blush").opacity).toBeCloseTo(blush, 1);
      expect(part(pose, "tear").opacity).toBeCloseTo(tear, 1);
      expect(part(pose, "sparkle").opacity).toBeCloseTo(sparkle * 0.85, 1);
    }
  });

  it("pass smoothly into one another", () => {
    const rig = started({ seed: 4 });
    const poses = names.flatMap((name, i) => {
      rig.expression(name);
      return live(rig, i, i + 1 - FRAME);
    });
    const ys = track(poses, "brow-left", "y");
    const jumps = ys.map((y, i) => Math.abs(y - (ys[i - 1] ?? y)));
    expect(Math.max(...jumps)).toBeLessThan(6);
  });

  it("close one eye of a wink and leave the other open", () => {
    const rig = started({ reduced: true });
    rig.expression("wink");
    const pose = last(live(rig, 0, 0.9));
    const travel = sheet["lid-left"]?.travel[1] ?? 1;
    expect(part(pose, "lid-left").y / travel).toBeLessThan(0.1);
    expect(part(pose, "lid-right").y / travel).toBeGreaterThan(0.9);
  });
});

describe("states and gaze", () => {
  it("look at the viewer while listening and wander otherwise", () => {
    const wandering = range(track(live(started(), 0, 20), "pupil-left", "x"));
    const rig = started();
    rig.state("listening");
    live(rig, 0, 1);
    const listening = track(live(rig, 1, 20), "pupil-left", "x");
    expect(wandering).toBeGreaterThan(8);
    expect(Math.max(...listening.map(Math.abs))).toBeLessThan(1);
  });

  it("look where they are told", () => {
    const rig = started();
    rig.look(-1, 0.5);
    const { x, y } = part(last(live(rig, 0, 0.6)), "pupil-right");
    expect(x).toBeCloseTo(-(sheet["pupil-right"]?.travel[0] ?? 0), 0);
    expect(y).toBeGreaterThan(4);
  });

  it("look thoughtful while thinking, unless something else is felt", () => {
    const brow = (name: FeelingName) => {
      const rig = started({ reduced: true });
      rig.state("thinking");
      rig.expression(name);
      return part(last(live(rig, 0, 0.9)), "brow-left").y;
    };
    expect(brow("neutral")).toBe(brow("thinking"));
    expect(brow("angry")).toBeGreaterThan(brow("neutral"));
  });
});

describe("gestures", () => {
  it.each(GESTURES)("%s moves the figure and is over within two seconds", (name) => {
    const still = started();
    const moved = started();
    live(still, 0, 1);
    live(moved, 0, 1);
    moved.gesture(name);
    const apart = (a: Pose, b: Pose) =>
      ["figure", "head"].reduce((sum, id) => {
        const [p, q] = [part(a, id), part(b, id)];
        return sum + Math.abs(p.x - q.x) + Math.abs(p.y - q.y) + Math.abs(p.turn - q.turn);
      }, 0);
    const others = live(still, 1, 3);
    const own = live(moved, 1, 3);
    expect(Math.max(...own.map((pose, i) => apart(pose, others[i] ?? pose)))).toBeGreaterThan(9);
    expect(apart(last(own), last(others))).toBe(0);
  });
});

describe("time", () => {
  it("a seed and given times give the same poses", () => {
    const run = (seed: number) => {
      const rig = started({ seed });
      rig.expression("joy");
      const first = live(rig, 0, 2);
      rig.mouth("round", 0.8);
      return [...first, ...live(rig, 2, 3)];
    };
    expect(run(7)).toEqual(run(7));
    expect(run(7)).not.toEqual(run(8));
  });

  it("moves the same at any frame rate", () => {
    const [slow, fast] = [1 / 30, 1 / 120].map((frame) => part(last(live(started(), 0, 4, frame)), "bell-1").turn);
    expect(slow).toBeCloseTo(fast ?? Number.NaN, 6);
  });

  it("skips a long pause instead of making up for it", () => {
    const rig = started();
    live(rig, 0, 1);
    const begun = performance.now();
    const pose = rig.pose(86_400);
    expect(performance.now() - begun).toBeLessThan(100);
    for (const { x, y, turn } of Object.values(pose)) expect(Number.isFinite(x + y + turn)).toBe(true);
  });
});

describe("reduced motion", () => {
  it("keeps everything still but lids, brows and mouth", () => {
    const rig = started({ reduced: true });
    live(rig, 0, 1);
    rig.gesture("bounce");
    rig.state("speaking");
    const poses = live(rig, 1, 12);
    const moving = Object.keys(last(poses)).filter((id) =>
      (["x", "y", "turn", "growX", "growY", "opacity"] as const).some((key) => range(track(poses, id, key)) > 1e-6),
    );
    expect(moving.every((id) => /^(lid|squint|brow)-/.test(id))).toBe(true);
    expect(moving).toContain("lid-left");
    rig.mouth("open", 1);
    expect(range(track(live(rig, 12, 12.3), "jaw", "y"))).toBeGreaterThan(5);
  });
});
