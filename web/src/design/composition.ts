import type { KeyboardEvent } from "react";

/** What Safari says of the key that ends a composition, which by then is over for it. */
const PROCESS = 229;

/** Whether an Enter only ends what an input method composes, and means nothing else. */
export function endsComposition({ key, keyCode, nativeEvent }: KeyboardEvent): boolean {
  return key === "Enter" && (nativeEvent.isComposing || keyCode === PROCESS);
}
