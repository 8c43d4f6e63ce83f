/** Every word of the doctor's page. */
export const TEXT = {
  title: "Doctor",
  well: "All is well",
  unwell: "Something is amiss",
  summary: (ok: number, warn: number, bad: number) =>
    [`${ok} well`, warn > 0 && `${warn} can be done without`, bad > 0 && `${bad} amiss`].filter(Boolean).join(", "),
  looked: "looked",
  version: "Marotte",
  measure: "Measure everything",
  measureHelp: "Asks every engine for one short thing and reaches for every server; a provider may charge for it.",
  measuring: "Measuring… this takes up to a minute.",
  unmeasured: "Nothing is measured yet: press “Measure everything”.",
  onlyGaps: "Only what is not well",
  states: { ok: "well", warn: "can be done without", bad: "amiss" },
  nothing: "Nothing is amiss here",
  nothingHelp: "Turn the switch off to see everything that was looked at.",
  atMost: (limit: string) => `at most ${limit}`,
  remedy: "What to do",
};
