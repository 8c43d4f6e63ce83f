/** Every word of the page. */
export const TEXT = {
  memory: "Memory",
  search: "Search what the character remembers",
  searchPlaceholder: "Words of a fact",
  count: (total: string, orMore: boolean) => `${total}${orMore ? " or more" : ""} facts`,
  floor: "Floor",
  everyFloor: "every floor",
  empty: "Nothing is remembered yet",
  emptyHelp:
    "Tell the character something of yourself in the talk window (“my name is …”, “I love …”), and it stands here.",
  none: "No fact holds these words",
  noneHelp: "Try fewer of them, or the beginning of a word.",
  clearSearch: "Show every fact",

  of: "of",
  partner: "of that floor’s partner",

  edit: (text: string) => `Edit “${text}”`,
  editTitle: "Edit a fact",
  factLabel: "What the character knows",
  keep: "Keep",
  kept: "The character knows it so from its next turn on.",
  remove: "Delete",
  removeTitle: "Delete this fact?",
  removed: "The fact is deleted.",
  history: "How it was edited",
  historyEmpty: "Nobody has edited it: it is as it was learnt.",
  by: "by",

  clear: "Clear a floor",
  clearHelp: "The character forgets all that was said and learnt on this floor, as if it opened for the first time.",
  clearDo: "Clear",
  clearTitle: (floor: string) => `Clear the floor ${floor}?`,
  clearWarn:
    "Its turns and all facts learnt there are deleted from the disk. What still waits for an answer stays. This cannot be undone.",
  cleared: (floor: string) => `The floor ${floor} is cleared.`,
};
