import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render } from "@testing-library/react";
import type { ReactNode } from "react";
import { createMemoryRouter, RouterProvider } from "react-router";
import { ToastHouse } from "../src/design/Toast";
import { TooltipProvider } from "../src/design/Tooltip";
import { Connection } from "../src/protocol/client";
import type { Rights } from "../src/protocol/frames";
import { Puppeteer } from "../src/stage/puppeteer";
import { type Desk, DeskContext } from "../src/windows/control/desk";

/** What a fetch stub answers to `METHOD path`, always or by what was asked of it. */
export interface Answer {
  status?: number;
  body?: unknown;
}
export interface Answers {
  [order: string]: Answer | ((body: unknown, query: URLSearchParams) => Answer) | undefined;
}
export interface Call {
  method: string;
  path: string;
  query: string;
  body: unknown;
}

/** A `fetch` that answers from `answers` and notes each call in `calls`. */
export function fetching(answers: Answers, calls: Call[]) {
  return async (url: string, options: RequestInit = {}) => {
    const [path = "", query = ""] = url.replace("/api/v1", "").split("?");
    const method = options.method ?? "GET";
    const sent = typeof options.body === "string" ? JSON.parse(options.body) : (options.body ?? undefined);
    calls.push({ method, path, query, body: sent });
    const answer = answers[`${method} ${path}`] ?? { status: 404, body: { detail: "not there" } };
    const { status = 200, body } = typeof answer === "function" ? answer(sent, new URLSearchParams(query)) : answer;
    const text = body === undefined ? null : JSON.stringify(body);
    return new Response(text, { status, headers: { "content-type": "application/json" } });
  };
}

/** Show a part of the control window as somebody with these rights sees it. */
export function sit(part: ReactNode, rights: Rights = "operator", more: Partial<Desk> = {}, address = "/control") {
  const connection = new Connection("ws://x/ws", { window: "control", token: "", floor: "public" });
  const desk: Desk = {
    connection,
    status: connection.status,
    rights,
    floor: "public",
    setFloor: () => {},
    puppeteer: new Puppeteer(connection, null),
    turn: null,
    change: () => {},
    ...more,
  };
  const queries = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  const router = createMemoryRouter([{ path: "*", element: part }], { initialEntries: [address] });
  return render(
    <QueryClientProvider client={queries}>
      <TooltipProvider>
        <ToastHouse>
          <DeskContext value={desk}>
            <RouterProvider router={router} />
          </DeskContext>
        </ToastHouse>
      </TooltipProvider>
    </QueryClientProvider>,
  );
}
