/** A word list as text: a word, or a few, on each line. Pure. */

/** The words of a text: without what is empty or stands there twice, in their order. */
export function wordsOf(text: string): string[] {
  return [...new Set(text.split("\n").map((word) => word.trim().replace(/\s+/g, " ")))].filter(Boolean);
}

/** How many words came and how many went. */
export function difference(before: string[], after: string[]): { added: number; removed: number } {
  const old = new Set(before);
  const now = new Set(after);
  return {
    added: after.filter((word) => !old.has(word)).length,
    removed: before.filter((word) => !now.has(word)).length,
  };
}
