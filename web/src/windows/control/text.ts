/** Every word that the control window's frame shows; each page keeps its own. */
export const TEXT = {
  title: "Control",
  pages: "Pages",
  more: "More",
  skip: "Skip to the page",
  leave: "Leave",
  openStage: "Open the stage",
  copyStage: "Copy the stage’s address for OBS",
  copied: "Copied. Whoever has this address may look and listen: paste it into OBS as a browser source.",
  copyImpossible:
    "The browser lets a page copy only at https or on this machine itself: open http://localhost instead.",
  started: "started",
  openTalk: "Open the talk window",
  roles: { operator: "operator", moderator: "moderator", viewer: "viewer", guest: "guest" },

  loading: "Loading…",
  again: "Try again",
  broken: "This page stopped with an error",
  reload: "Load the window again",

  notYours: "This is not among what your token opens",
  notForYou: (page: string) => `${page} is not among what your token opens`,
  notForYouHelp: (mine: string, theirs: string[]) =>
    `You came in as a ${mine}; this page is for ${list.format(theirs.map((role) => `${role}s`))}. Ask the operator for a token of that kind.`,
  otherToken: "Come in with another token",
  noPage: "There is no such page",
  noPageHelp: "The pages of this window are listed beside it, or below on a phone.",
  toNow: "See what goes on now",
};

const list = new Intl.ListFormat("en");
