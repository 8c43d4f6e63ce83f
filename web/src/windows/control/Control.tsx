import { useQueryClient } from "@tanstack/react-query";
import { Suspense, useEffect, useState } from "react";
import { useParams } from "react-router";
import { useEmotes } from "../../emotes/names";
import { leave } from "../../protocol/token";
import { Refused } from "../Refused";
import { DeskContext } from "./desk";
import { Header } from "./Header";
import { installable } from "./installable";
import { PageBar, PageList } from "./Navigation";
import { NoSuchPage, NotYours } from "./NoPage";
import { PageBoundary } from "./PageBoundary";
import { type Page, pageAt, pagesFor } from "./pages";
import { TEXT } from "./text";
import { useControl, useFloorPuppeteer } from "./useControl";

/** The operator's desk: one page at a time, all on one connection. */
export function Control() {
  const [entrance, setEntrance] = useState(0);
  const queries = useQueryClient();
  const { connection, status, turns } = useControl(entrance);
  const [floor, setFloor] = useState("public");
  // Here and not on its page, so that who comes back to that page finds the line that is being said.
  const puppeteer = useFloorPuppeteer(connection, floor);
  const page = pageAt(useParams()["*"] ?? "");
  const character = status.welcome?.character.name ?? "Marotte";

  useEmotes(status.state === "open");
  useEffect(installable, []);
  useEffect(() => {
    document.title = `${character} – ${!page || page.path === "now" ? "control" : page.title.toLowerCase()}`;
  }, [character, page]);

  const enter = () => {
    queries.clear();
    setEntrance((count) => count + 1);
  };
  if (status.state === "refused" || (!status.welcome && status.refusal)) {
    return <Refused status={status} retry={enter} />;
  }
  const change = () => {
    leave();
    enter();
  };
  const rights = status.welcome?.rights ?? "guest";
  const pages = pagesFor(rights);
  return (
    <DeskContext value={{ connection, status, rights, floor, setFloor, puppeteer, turn: turns[floor], change }}>
      <div className="flex h-dvh flex-col">
        <a
          href="#page"
          className="sr-only z-50 rounded-card bg-live px-4 py-2 text-on-live focus:not-sr-only focus:absolute focus:top-2 focus:left-2"
        >
          {TEXT.skip}
        </a>
        <Header />
        <div className="flex min-h-0 flex-1">
          <PageList pages={pages} at={page} />
          {/* Another page begins at its top. */}
          <Main key={page?.path} page={page} known={Boolean(status.welcome)} allowed={!page || pages.includes(page)} />
        </div>
        <PageBar pages={pages} at={page} />
      </div>
    </DeskContext>
  );
}

interface MainProps {
  page: Page | undefined;
  /** Whether it is known yet who sits here. */
  known: boolean;
  allowed: boolean;
}

/** The page, or what stands in its place. */
function Main({ page, known, allowed }: MainProps) {
  const waiting = <p className="animate-wait p-4 text-quiet">{TEXT.loading}</p>;
  return (
    <main id="page" tabIndex={-1} className="relative min-w-0 flex-1 overflow-y-auto outline-none">
      <h1 className="sr-only">{page?.title ?? TEXT.title}</h1>
      <div className="mx-auto max-w-[1600px] p-4">
        <PageBoundary>
          {!page ? (
            <NoSuchPage />
          ) : !known ? (
            waiting
          ) : !allowed ? (
            <NotYours page={page} />
          ) : (
            <Suspense fallback={waiting}>
              <page.Component />
            </Suspense>
          )}
        </PageBoundary>
      </div>
    </main>
  );
}
