/** The pages of the control window: a folder each, which says where it is, what it is called and who may see it. */
import type { ComponentType } from "react";
import type { Rights } from "../../protocol/frames";

/** What a page's `index.tsx` exports as `page`; its default export is the page itself, loaded when it is seen. */
export interface PageInfo {
  path: string;
  title: string;
  icon: ComponentType<{ "aria-hidden"?: boolean }>;
  roles: string[];
}

export interface Page extends PageInfo {
  Component: ComponentType;
}

/** The pages in the order in which they are listed; the first is the one behind /control. */
const ORDER = [
  "now",
  "people",
  "memory",
  "moderation",
  "connections",
  "log",
  "timings",
  "engines",
  "settings",
  "database",
  "doctor",
  "security",
];

const modules = import.meta.glob<{ page: PageInfo; default: ComponentType }>("./*/index.tsx", { eager: true });

export const PAGES: Page[] = Object.values(modules)
  .map((module) => ({ ...module.page, Component: module.default }))
  .sort((a, b) => ORDER.indexOf(a.path) - ORDER.indexOf(b.path));

/** Where a page is found. */
export function addressOf({ path }: { path: string }): string {
  return path === ORDER[0] ? "/control" : `/control/${path}`;
}

/** The page behind the rest of an address after `/control/`. */
export function pageAt(rest: string): Page | undefined {
  return PAGES.find((page) => page.path === (rest.split("/")[0] || ORDER[0]));
}

/** The pages that somebody may see. */
export function pagesFor(rights: Rights): Page[] {
  return PAGES.filter((page) => page.roles.includes(rights));
}
