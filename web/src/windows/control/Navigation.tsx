import { LogOut, Menu } from "lucide-react";
import { type ReactNode, useState } from "react";
import { Link } from "react-router";
import { cx } from "../../design/cx";
import { Dialog } from "../../design/Dialog";
import { useDesk } from "./desk";
import { addressOf, type Page } from "./pages";
import { TEXT } from "./text";

interface NavigationProps {
  pages: Page[];
  at: Page | undefined;
}

/** So many pages stand in the bar of a phone; the others are behind the last place of it. */
const IN_BAR = 4;

/** The pages at the side of a wide window: pictures alone where it is not so wide. */
export function PageList({ pages, at }: NavigationProps) {
  return (
    <nav
      aria-label={TEXT.pages}
      className="w-16 shrink-0 overflow-y-auto border-r border-line bg-raised px-2 py-3 max-lg:hidden xl:w-52"
    >
      <ul className="flex flex-col gap-1">
        {pages.map((page) => (
          <li key={page.path}>
            <PageLink page={page} at={at} className="max-xl:justify-center" named="max-xl:sr-only" />
          </li>
        ))}
      </ul>
    </nav>
  );
}

interface PageLinkProps {
  page: Page;
  at: Page | undefined;
  className?: string;
  named?: string;
  onGo?: () => void;
}

function PageLink({ page, at, className, named, onGo }: PageLinkProps) {
  const here = page === at;
  return (
    <Link
      to={addressOf(page)}
      onClick={onGo}
      title={page.title}
      aria-current={here ? "page" : undefined}
      className={cx(
        "flex h-10 items-center gap-3 rounded-card px-3 text-sm transition [&_svg]:size-5 [&_svg]:shrink-0",
        here ? "bg-hover font-medium text-ink [&_svg]:text-live" : "text-quiet hover:bg-hover hover:text-ink",
        className,
      )}
    >
      <page.icon aria-hidden />
      <span className={cx("truncate", named)}>{page.title}</span>
    </Link>
  );
}

/** The pages at the bottom of a phone: the first few, and a sheet with all of them. */
export function PageBar({ pages, at }: NavigationProps) {
  const [open, setOpen] = useState(false);
  const { change } = useDesk();
  const first = pages.slice(0, pages.length > IN_BAR + 1 ? IN_BAR : IN_BAR + 1);
  const elsewhere = at !== undefined && !first.includes(at);
  return (
    <nav
      aria-label={TEXT.pages}
      className="flex shrink-0 border-t border-line bg-raised pb-[env(safe-area-inset-bottom)] lg:hidden"
    >
      {first.map((page) => (
        <Link
          key={page.path}
          to={addressOf(page)}
          aria-current={page === at ? "page" : undefined}
          className={place(page === at)}
        >
          <page.icon aria-hidden />
          {page.title}
        </Link>
      ))}
      <button type="button" aria-haspopup="dialog" onClick={() => setOpen(true)} className={place(elsewhere)}>
        <Menu aria-hidden />
        {TEXT.more}
      </button>
      <Dialog title={TEXT.pages} open={open} onClose={() => setOpen(false)} sheet>
        <ul className="grid grid-cols-2 gap-2">
          {pages.map((page) => (
            <li key={page.path}>
              <PageLink page={page} at={at} className="h-12 border border-line" onGo={() => setOpen(false)} />
            </li>
          ))}
          <li>
            <SheetButton onPress={change}>
              <LogOut aria-hidden />
              {TEXT.leave}
            </SheetButton>
          </li>
        </ul>
      </Dialog>
    </nav>
  );
}

function place(here: boolean): string {
  return cx(
    "flex h-14 min-w-0 flex-1 flex-col items-center justify-center gap-1 text-xs -outline-offset-2 [&_svg]:size-5",
    here ? "font-semibold text-live" : "text-quiet",
  );
}

function SheetButton({ onPress, children }: { onPress: () => void; children: ReactNode }) {
  return (
    <button
      type="button"
      onClick={onPress}
      className="flex h-12 w-full items-center gap-3 rounded-card border border-line px-3 text-sm text-quiet transition hover:bg-hover hover:text-ink [&_svg]:size-5"
    >
      {children}
    </button>
  );
}
