import { useMutation } from "@tanstack/react-query";
import { Copy, Cpu, ExternalLink, History, ListOrdered, MessageSquare, Mic2 } from "lucide-react";
import { type ReactNode, useEffect, useState } from "react";
import { IconButton } from "../../design/Button";
import { cx } from "../../design/cx";
import { RelativeTime } from "../../design/RelativeTime";
import { ThemeSwitch } from "../../design/ThemeSwitch";
import { useToast } from "../../design/Toast";
import type { Status } from "../../protocol/client";
import { rest } from "../../protocol/rest";
import { ConnectionBadge } from "../ConnectionBadge";
import { Refused } from "../Refused";
import { Engines, Floors, Found, Links } from "./Health";
import { Now } from "./Now";
import { Ask, Context } from "./Orders";
import { Turns } from "./Turns";
import { TEXT } from "./text";
import { useControl, useFloorPuppeteer, useTopic } from "./useControl";
import { Dropped, Queue, Stopped } from "./Waiting";

type Tab = keyof typeof TEXT.tabs;
const TABS: { name: Tab; icon: ReactNode }[] = [
  { name: "now", icon: <Mic2 aria-hidden /> },
  { name: "queue", icon: <ListOrdered aria-hidden /> },
  { name: "turns", icon: <History aria-hidden /> },
  { name: "house", icon: <Cpu aria-hidden /> },
];

/** The operator's desk. */
export function Control() {
  const [entrance, setEntrance] = useState(0);
  const { connection, status, turns } = useControl(entrance);
  const [floor, setFloor] = useState("public");
  const [tab, setTab] = useState<Tab>("now");
  const puppeteer = useFloorPuppeteer(connection, floor);

  useEffect(() => {
    document.title = `${status.welcome?.character.name ?? "Marotte"} – control`;
  }, [status.welcome]);

  if (status.state === "refused") return <Refused status={status} retry={() => setEntrance((count) => count + 1)} />;
  const only = (name: Tab) => cx("flex min-w-0 flex-col gap-4", tab !== name && "max-lg:hidden");
  return (
    <div className="flex h-dvh flex-col">
      <Header status={status} />
      <main className="min-h-0 flex-1 overflow-y-auto">
        <h1 className="sr-only">{TEXT.title}</h1>
        <div className="mx-auto grid max-w-[1600px] grid-cols-1 items-start gap-4 p-4 lg:grid-cols-[minmax(0,7fr)_minmax(0,5fr)]">
          <div className="flex min-w-0 flex-col gap-4 max-lg:contents">
            <div className={only("now")}>
              <Now puppeteer={puppeteer} turn={turns[floor]} floor={floor} setFloor={setFloor} />
            </div>
            <div className={only("queue")}>
              <Queue />
            </div>
            <div className={only("turns")}>
              <Turns />
            </div>
          </div>
          <div className="flex min-w-0 flex-col gap-4 max-lg:contents">
            <div className={only("now")}>
              <Ask />
            </div>
            <div className={only("house")}>
              <Engines />
            </div>
            <div className={only("now")}>
              <Stopped />
              <Context />
            </div>
            <div className={only("house")}>
              <Links />
              <Floors />
            </div>
            <div className={only("queue")}>
              <Dropped />
            </div>
            <div className={only("house")}>
              <Found />
            </div>
          </div>
        </div>
      </main>
      <nav
        aria-label={TEXT.title}
        className="grid shrink-0 grid-cols-4 border-t border-line bg-raised pb-[env(safe-area-inset-bottom)] lg:hidden"
      >
        {TABS.map(({ name, icon }) => (
          <button
            key={name}
            type="button"
            aria-current={tab === name ? "page" : undefined}
            onClick={() => setTab(name)}
            className={cx(
              "flex h-14 flex-col items-center justify-center gap-1 text-xs [&_svg]:size-5",
              tab === name ? "font-semibold text-live" : "text-quiet",
            )}
          >
            {icon}
            {TEXT.tabs[name]}
          </button>
        ))}
      </nav>
    </div>
  );
}

function Header({ status }: { status: Status }) {
  const { data } = useTopic("show");
  return (
    <header className="z-10 flex h-14 shrink-0 items-center gap-3 border-b border-line bg-raised px-4">
      <img src="/favicon.svg" alt="" className="size-8" />
      <p className="truncate text-lg font-semibold">{data?.character.name ?? "Marotte"}</p>
      <ConnectionBadge status={status} />
      {data && (
        <p className="hidden truncate text-sm text-quiet md:block">
          {data.name} · {data.version} · {TEXT.started} <RelativeTime at={data.started_at} />
        </p>
      )}
      <nav className="ml-auto flex items-center gap-1">
        <HeaderLink href="/talk" text={TEXT.openTalk} icon={<MessageSquare aria-hidden />} />
        <HeaderLink href="/stage?background=house" text={TEXT.openStage} icon={<ExternalLink aria-hidden />} />
        <CopyStage />
        <ThemeSwitch />
      </nav>
    </header>
  );
}

/** Hands the stage's address, with the key to look and listen, to whoever sets up a capture. */
export function CopyStage() {
  const toast = useToast();
  const copy = useMutation({
    mutationFn: async () => {
      if (!navigator.clipboard) throw new Error(TEXT.copyImpossible);
      const { token } = await rest.capture();
      await navigator.clipboard.writeText(`${location.origin}/stage#token=${token}`);
    },
    onSuccess: () => toast(TEXT.copied),
    onError: (error) => toast(error.message, true),
  });
  return (
    <IconButton
      label={TEXT.copyStage}
      onClick={() => copy.mutate()}
      disabled={copy.isPending}
      className="max-sm:hidden"
    >
      <Copy aria-hidden />
    </IconButton>
  );
}

function HeaderLink({ href, text, icon }: { href: string; text: string; icon: ReactNode }) {
  return (
    <a
      href={href}
      target="_blank"
      // An opener hands on what the tab keeps, the token among it.
      rel="noopener opener"
      aria-label={text}
      className="inline-flex h-10 items-center gap-2 rounded-card px-3 text-sm text-quiet transition hover:bg-hover hover:text-ink [&_svg]:size-5 sm:[&_svg]:size-4"
    >
      {icon}
      <span className="max-sm:hidden">{text}</span>
    </a>
  );
}
