/** Cuts text where words in it are emotes. Pure; no browser. */

/** Where the picture of each emote is found, by its name. */
export type Names = ReadonlyMap<string, string>;

export interface Drawn {
  name: string;
  picture: string;
}

/** An emote as the character writes it. */
export const EMOTE = /(?<![\p{L}\p{N}_:]):([A-Za-z][\w&'+-]{0,49}):(?![\p{L}\p{N}_:])/gu;
/** Marks that may stand around a word. */
const AROUND = /^[([{"'«“¿¡]+|[.,;:!?…)\]}"'»”。，！？、]+$/gu;
/** Our own address and nobody else's. */
const PICTURE = /^\/emotes\/[0-9a-f]{16}$/;
/** So many pictures are drawn in one text. */
const MOST = 50;

/** Take what the program says of emotes; anything but a picture of its own is left out. */
export function namesOf(told: unknown): Names {
  const names = new Map<string, string>();
  if (typeof told !== "object" || told === null) return names;
  for (const [name, picture] of Object.entries(told)) {
    if (typeof picture === "string" && PICTURE.test(picture)) names.set(name, picture);
  }
  return names;
}

/**
 * Cut `text` into words and pictures. In what people write each word counts that is a name; what the character says is
 * a picture only between colons, or where it looks like no plain word: "Clap your hands" stays as it is.
 */
export function cut(text: string, names: Names, said = false): (string | Drawn)[] {
  if (!names.size) return [text];
  const parts: (string | Drawn)[] = [];
  let plain = "";
  let drawn = 0;
  for (const token of text.split(/(\s+)/)) {
    const found = drawn < MOST ? emote(token, names, said) : null;
    if (!found) {
      plain += token;
      continue;
    }
    drawn++;
    plain += found.before;
    if (plain) parts.push(plain);
    parts.push({ name: found.name, picture: names.get(found.name) ?? "" });
    plain = found.after;
  }
  return plain ? [...parts, plain] : parts;
}

function emote(token: string, names: Names, said: boolean) {
  const mark = [...token.matchAll(EMOTE)].find((match) => names.has(match[1] ?? ""));
  if (mark) return around(token, mark[0], mark[1] ?? "");
  const name = names.has(token) ? token : token.replace(AROUND, "");
  if (!names.has(name) || (said && name.slice(1) === name.slice(1).toLowerCase())) return null;
  return around(token, name, name);
}

function around(token: string, written: string, name: string) {
  const at = token.indexOf(written);
  return { name, before: token.slice(0, at), after: token.slice(at + written.length) };
}
