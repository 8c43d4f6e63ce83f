import { useQuery } from "@tanstack/react-query";
import { Wifi, WifiOff } from "lucide-react";
import { Card } from "../../../design/Card";
import { Empty } from "../../../design/Empty";
import { useSeconds } from "../../../design/RelativeTime";
import { Loaded } from "../Loaded";
import { type Lan, security } from "./api";
import { TEXT } from "./text";

/** Milliseconds between two looks: a pairing code does not last long. */
const EVERY = 10_000;

/** Where a phone finds the program, and the code that lets a new device in. */
export function HomeNetwork() {
  const lan = useQuery({
    queryKey: ["lan"],
    queryFn: security.lan,
    refetchInterval: ({ state }) => (state.data?.on ? EVERY : false),
  });
  return (
    <Card title={TEXT.lan} icon={<Wifi aria-hidden />}>
      <Loaded query={lan}>
        {(found) =>
          found.on ? (
            <Address lan={found} />
          ) : (
            <Empty small icon={<WifiOff aria-hidden />} title={TEXT.lanOff}>
              {TEXT.lanOffHelp}
            </Empty>
          )
        }
      </Loaded>
    </Card>
  );
}

function Address({ lan }: { lan: Lan }) {
  const left = Math.floor((lan.pairing?.expires ?? 0) - useSeconds());
  return (
    <div className="flex flex-wrap items-start gap-4">
      <img
        // As a picture it stays a picture: nothing in it can run.
        src={`data:image/svg+xml,${encodeURIComponent(lan.qr_svg)}`}
        alt={TEXT.qr(lan.url)}
        className="size-36 shrink-0 rounded-card bg-white p-2"
      />
      <div className="flex min-w-48 flex-1 flex-col gap-3 text-sm">
        <p className="text-quiet">{TEXT.lanHelp}</p>
        <a href={lan.url} className="font-medium break-all underline underline-offset-4">
          {lan.url}
        </a>
        {lan.pairing && (
          <div>
            <p className="text-quiet">{TEXT.pairing}</p>
            <p className="font-mono text-2xl font-semibold tracking-widest">{left > 0 ? lan.pairing.code : "······"}</p>
            <p className="text-xs text-quiet tabular-nums">{left > 0 ? TEXT.expires(left) : TEXT.expired}</p>
          </div>
        )}
      </div>
    </div>
  );
}
