/** Does something once for all that comes in a burst: at the next picture, or soon where no picture is drawn. */
const UNSEEN = 250;

/** Returns what asks for `run`, which follows once however often it is asked, and what calls that off. */
export function atNextPicture(run: () => void): { ask: () => void; end: () => void } {
  let frame = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const end = () => {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
    timer = undefined;
  };
  const ask = () => {
    if (timer !== undefined) return;
    const once = () => {
      end();
      run();
    };
    frame = requestAnimationFrame(once);
    // A tab in the background draws no pictures.
    timer = setTimeout(once, UNSEEN);
  };
  return { ask, end };
}

/** Returns what asks for `run`: at once where it did not run for `rest` milliseconds, else when they are over. */
export function atMostEvery(rest: number, run: () => void): { ask: () => void; end: () => void } {
  let last = Number.NEGATIVE_INFINITY;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const now = () => {
    timer = undefined;
    last = performance.now();
    run();
  };
  return {
    ask: () => {
      timer ??= setTimeout(now, Math.max(0, last + rest - performance.now()));
    },
    end: () => clearTimeout(timer),
  };
}
