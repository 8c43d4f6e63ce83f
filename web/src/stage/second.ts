/** A language with its script and region, as the program takes it. */
const TAG = /^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|\d{3}))?$/;

/** Read a wish for a second language out of an address: a tag, `one` for none, else null: as the show says. */
export function secondOf(wish: string | null): string | null {
  if (wish === "one") return "";
  return wish !== null && wish !== "on" && wish !== "off" && TAG.test(wish) ? wish : null;
}
