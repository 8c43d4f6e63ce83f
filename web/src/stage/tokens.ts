/** Cuts what is shown of a line into pieces that light up one by one, and into phrases of at most two rows. */
import { EMOTE } from "../emotes/cut";

export interface Piece {
  text: string;
  /** Where it begins in the shown text, in UTF-16 units. */
  offset: number;
}

const LETTERS = /[\p{L}\p{N}]/u;
/** Marks that open what follows them, and so belong to the next word. */
const OPENING = /[\p{Ps}\p{Pi}¿¡"'「『（]$/u;
/** Two rows of subtitles, in half-width columns. */
export const PHRASE = 68;

/** Cut `text` into words with the marks and spaces that cling to them. */
export function pieces(text: string, language: string): Piece[] {
  const cut: Piece[] = [];
  let opening = "";
  for (const { segment, index } of segments(text, language)) {
    const last = cut.at(-1);
    if (LETTERS.test(segment)) {
      cut.push({ text: opening + segment, offset: index - opening.length });
      opening = "";
    } else if (!last || OPENING.test(segment)) opening += segment;
    else {
      last.text += opening + segment;
      opening = "";
    }
  }
  const last = cut.at(-1);
  if (opening && last) last.text += opening;
  else if (opening) cut.push({ text: opening, offset: 0 });
  return cut;
}

/** Words and what stands between them; an emote such as :Kappa: is one word. */
function* segments(text: string, language: string) {
  let at = 0;
  for (const mark of [...text.matchAll(EMOTE), null]) {
    const end = mark ? mark.index : text.length;
    for (const each of segmenter(language).segment(text.slice(at, end)))
      yield { segment: each.segment, index: at + each.index };
    if (mark) yield { segment: mark[0], index: mark.index };
    at = end + (mark?.[0].length ?? 0);
  }
}

const segmenters = new Map<string, Intl.Segmenter>();

function segmenter(language: string): Intl.Segmenter {
  const known = segmenters.get(language);
  if (known) return known;
  let made: Intl.Segmenter;
  try {
    made = new Intl.Segmenter(language || "en", { granularity: "word" });
  } catch {
    made = new Intl.Segmenter("en", { granularity: "word" });
  }
  segmenters.set(language, made);
  return made;
}

/** How many half-width columns a text takes: a CJK character takes two. */
export function columns(text: string): number {
  let total = 0;
  for (const mark of text) total += /[ᄀ-ᅟ⺀-꓏가-힣豈-﫿︰-﹏＀-｠]/u.test(mark) ? 2 : 1;
  return total;
}

/** A phrase may be this share of the widest and end at a mark, whatever the lengths of the others. */
const FULL = 0.55;
const MARK = /[,;:.!?、，；：。！？—–…]["”’」』）)]*\s*$/u;

/** Group pieces into phrases of at most `widest` columns: each ends at a mark of its last half where there is one, else
 * they are about the same length. */
export function phrases(all: Piece[], widest = PHRASE): Piece[][] {
  const widths = all.map((piece) => columns(piece.text));
  const total = widths.reduce((sum, width) => sum + width, 0);
  if (total <= widest) return all.length ? [all] : [];
  const even = total / Math.ceil(total / widest);
  let best = 0;
  let merit = Number.NEGATIVE_INFINITY;
  let width = 0;
  for (let end = 1; end < all.length; end++) {
    width += widths[end - 1] ?? 0;
    if (width > widest && best > 0) break;
    const clause = width >= FULL * widest && MARK.test(all[end - 1]?.text ?? "") ? 1 : 0;
    const value = clause + endsWell(all[end - 1], all[end]) - Math.abs(width - even) / even;
    if (value <= merit) continue;
    merit = value;
    best = end;
  }
  return best > 0 ? [all.slice(0, best), ...phrases(all.slice(best), widest)] : [all];
}

/** How good it is to end a phrase between two pieces, 0 to 0.6. */
function endsWell(before: Piece | undefined, after: Piece | undefined): number {
  if (!before || !after) return 0;
  if (MARK.test(before.text)) return 0.6;
  // Japanese: a phrase may begin with a Chinese character, katakana or a bracket after hiragana, not with an ending.
  if (/[ぁ-ん]$/u.test(before.text))
    return /^[\p{Script=Han}\p{Script=Katakana}「『（\p{Script=Latin}]/u.test(after.text) ? 0.35 : 0;
  return 0.3;
}
