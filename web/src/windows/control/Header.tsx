import { useMutation } from "@tanstack/react-query";
import { Copy, ExternalLink, LogOut, MessageSquare } from "lucide-react";
import type { ReactNode } from "react";
import { Badge } from "../../design/Badge";
import { IconButton } from "../../design/Button";
import { RelativeTime } from "../../design/RelativeTime";
import { ThemeSwitch } from "../../design/ThemeSwitch";
import { useToast } from "../../design/Toast";
import { rest } from "../../protocol/rest";
import { ConnectionBadge } from "../ConnectionBadge";
import { useDesk, useMay } from "./desk";
import { TEXT } from "./text";
import { useTopic } from "./useControl";

/** Whose desk it is, how it is connected, and the doors to the other windows. */
export function Header() {
  const { data } = useTopic("show");
  const { status, rights, change } = useDesk();
  const operator = useMay("operator");
  return (
    <header className="z-10 flex h-14 shrink-0 items-center gap-3 border-b border-line bg-raised px-4">
      <img src="/favicon.svg" alt="" className="size-8 max-sm:size-7" />
      <p className="truncate text-lg font-semibold">{data?.character.name ?? "Marotte"}</p>
      <ConnectionBadge status={status} />
      {status.welcome && !operator && <Badge>{TEXT.roles[rights]}</Badge>}
      {data && (
        <p className="hidden truncate text-sm text-quiet lg:block">
          {data.name} · {data.version} · {TEXT.started} <RelativeTime at={data.started_at} />
        </p>
      )}
      <div className="ml-auto flex items-center gap-1">
        <HeaderLink href="/talk" text={TEXT.openTalk} icon={<MessageSquare aria-hidden />} />
        <HeaderLink href="/stage?background=house" text={TEXT.openStage} icon={<ExternalLink aria-hidden />} />
        {operator && <CopyStage />}
        <ThemeSwitch />
        <IconButton label={TEXT.leave} onClick={change} className="max-sm:hidden">
          <LogOut aria-hidden />
        </IconButton>
      </div>
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
      await navigator.clipboard.writeText(`${location.origin}/stage?background=transparent#token=${token}`);
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
      // biome-ignore lint/security/noBlankTarget: an opener hands on what the tab keeps, the token among it
      target="_blank"
      rel="opener"
      aria-label={text}
      className="inline-flex h-10 items-center gap-2 rounded-card px-3 text-sm text-quiet transition hover:bg-hover hover:text-ink max-sm:px-2 [&_svg]:size-5 xl:[&_svg]:size-4"
    >
      {icon}
      <span className="max-xl:hidden">{text}</span>
    </a>
  );
}
