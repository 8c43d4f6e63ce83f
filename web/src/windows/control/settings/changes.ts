/** What differs between two texts, line by line. Pure. */

export interface Piece {
  kind: "same" | "theirs" | "mine";
  text: string;
}

/** More cells than this are not worth a reader's wait; the whole middle then counts as different. */
const MOST_CELLS = 4_000_000;

/** The lines of two texts in one sequence: what only they have, what only I have, and what both have. */
export function changes(theirs: string, mine: string): Piece[] {
  const a = theirs.split("\n");
  const b = mine.split("\n");
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  const same = (lines: string[]) => lines.map((text): Piece => ({ kind: "same", text }));
  return [
    ...same(a.slice(0, start)),
    ...middle(a.slice(start, a.length - end), b.slice(start, b.length - end)),
    ...same(a.slice(a.length - end)),
  ];
}

/** The longest common run of lines stays; what is around it is theirs or mine. */
function middle(a: string[], b: string[]): Piece[] {
  const theirs = (text: string): Piece => ({ kind: "theirs", text });
  const mine = (text: string): Piece => ({ kind: "mine", text });
  const width = b.length + 1;
  if ((a.length + 1) * width > MOST_CELLS) return [...a.map(theirs), ...b.map(mine)];
  const common = new Uint32Array((a.length + 1) * width);
  const at = (i: number, j: number) => common[i * width + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      common[i * width + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  const pieces: Piece[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    const left = a[i];
    const right = b[j];
    if (left !== undefined && left === right) {
      pieces.push({ kind: "same", text: left });
      i++;
      j++;
    } else if (left !== undefined && (right === undefined || at(i + 1, j) >= at(i, j + 1))) {
      pieces.push(theirs(left));
      i++;
    } else if (right !== undefined) {
      pieces.push(mine(right));
      j++;
    }
  }
  return pieces;
}

/** The pieces with at most `around` same lines beside each difference; a run that is left out is its number of lines. */
export function folded(pieces: Piece[], around = 2): (Piece | number)[] {
  const near = new Array<boolean>(pieces.length).fill(false);
  pieces.forEach((piece, index) => {
    if (piece.kind === "same") return;
    for (let i = Math.max(0, index - around); i <= Math.min(pieces.length - 1, index + around); i++) near[i] = true;
  });
  const shown: (Piece | number)[] = [];
  pieces.forEach((piece, index) => {
    const last = shown.at(-1);
    if (near[index]) shown.push(piece);
    else if (typeof last === "number") shown[shown.length - 1] = last + 1;
    else shown.push(1);
  });
  return shown;
}
