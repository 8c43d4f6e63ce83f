/** Every word of the page. */
export const TEXT = {
  title: "Connections",
  platforms: { twitch: "Twitch", youtube: "YouTube", tiktok: "TikTok", discord: "Discord", irc: "IRC" } as Record<
    string,
    string
  >,
  called: (platform: string, name: string) => `${platform} · ${name}`,
  states: { connecting: "connecting", up: "up", down: "down", refused: "refused", stopped: "stopped" },
  onAir: "on air",
  untitled: "without a title",

  reconnect: "Connect anew",
  reconnecting: (name: string) => `${name} hangs up and connects anew.`,

  lacking: "What is missing",
  standing: "What it has",
  inOrder: (count: number) =>
    count === 1 ? "1 right or subscription is in order" : `${count} rights and subscriptions are in order`,
  can: "What it can do",
  acts: {
    send: "write",
    announce: "announce",
    verdict: "delete, time out, ban",
    fulfil: "close and refund redemptions",
    shout_out: "recommend a channel",
    clip: "clip",
  } as Record<string, string>,
  cannot: "It can only read.",
  counters: "Since the run began",
  gaps: (count: number) => (count === 1 ? "1 gap: it heard nothing for a while" : `${count} gaps, the newest first`),
  gap: (seconds: string, recovered: number) =>
    `${seconds} unheard${recovered > 0 ? `, ${recovered} asked for afterwards` : ""}`,

  empty: "Nothing is connected yet",
  emptyHelp: "Name a platform in show.toml and start the show again: its chat, gifts and redemptions come in here.",
  ways: "Connect a platform",
  waysHelp: "Write the table into the show file, sign in once where there is a command, and start again.",
  toSettings: "Open the show file",
  guide: (file: string) => `Step by step: docs/${file}`,
};

/** How each platform is connected: what show.toml needs, what is typed once, and what there is to know. */
export const WAYS = [
  {
    platform: "twitch",
    table: '[twitch]\nclient_id = "…"',
    command: "marotte login twitch",
    help: "The id is that of your application on dev.twitch.tv. With channel alone its chat is read, and no more.",
    guide: "twitch.md",
  },
  {
    platform: "youtube",
    table: '[youtube]\nclient_id = "…"',
    command: "marotte login youtube",
    help: "The id is that of your application in Google’s console, its secret in YOUTUBE_CLIENT_SECRET.",
    guide: "youtube.md",
  },
  {
    platform: "tiktok",
    table: '[tiktok]\nuser = "@name"',
    command: "",
    help: "A LIVE can be read, and not be written to.",
    guide: "tiktok.md",
  },
  {
    platform: "discord",
    table: "[discord]",
    command: "marotte login discord",
    help: "The bot’s token is in DISCORD_TOKEN; the command tells the address by which it is invited.",
    guide: "discord.md",
  },
  {
    platform: "irc",
    table: '[irc.libera]\nhost = "irc.libera.chat"\nchannels = ["#my-theatre"]',
    command: "",
    help: "Any server and any channels; several servers may stand beside each other under names of their own.",
    guide: "show.md",
  },
];
