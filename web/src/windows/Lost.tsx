import type { ReactNode } from "react";
import { Link, useRouteError } from "react-router";
import { Button } from "../design/Button";
import { House } from "../design/House";

const TEXT = {
  notFound: { title: "Nothing plays here", body: "This door leads to no stage. The show is in one of these windows." },
  broken: { title: "The curtain is stuck", body: "This window stopped with an error. The show itself goes on." },
  again: "Load the window again",
  windows: [
    { to: "/talk", name: "Talk", what: "converse with the character" },
    { to: "/stage", name: "Stage", what: "the character alone, for a capture" },
    { to: "/control", name: "Control", what: "run the show" },
  ],
};

function Lost({ title, body, children }: { title: string; body: string; children: ReactNode }) {
  return (
    <House className="grid h-dvh place-items-center p-6">
      <main className="flex w-full max-w-md animate-rise flex-col items-center gap-4 rounded-2xl border border-line bg-raised p-8 text-center shadow-float">
        <img src="/favicon.svg" alt="" className="size-16" />
        <h1 className="text-2xl font-semibold">{title}</h1>
        <p className="text-balance text-quiet">{body}</p>
        {children}
      </main>
    </House>
  );
}

/** The page for an address that leads nowhere. */
export function NotFound() {
  return (
    <Lost {...TEXT.notFound}>
      <nav className="grid w-full gap-2">
        {TEXT.windows.map((window) => (
          <Link
            key={window.to}
            to={window.to}
            className="flex items-baseline gap-3 rounded-card border border-line px-4 py-3 text-left transition hover:border-edge hover:bg-hover"
          >
            <span className="font-medium">{window.name}</span>
            <span className="text-sm text-quiet">{window.what}</span>
          </Link>
        ))}
      </nav>
    </Lost>
  );
}

/** The page for a window that stopped with an error. */
export function Broken() {
  const error = useRouteError();
  return (
    <Lost {...TEXT.broken}>
      <pre className="max-h-40 w-full overflow-auto rounded-card bg-house p-3 text-left text-xs whitespace-pre-wrap text-quiet">
        {error instanceof Error ? error.message : String(error)}
      </pre>
      <Button kind="live" onClick={() => location.reload()}>
        {TEXT.again}
      </Button>
    </Lost>
  );
}
