import { Compass, Lock } from "lucide-react";
import { Link } from "react-router";
import { Button } from "../../design/Button";
import { Empty } from "../../design/Empty";
import { useDesk } from "./desk";
import type { Page } from "./pages";
import { TEXT } from "./text";

/** What stands where an address leads to no page. */
export function NoSuchPage() {
  return (
    <Empty icon={<Compass aria-hidden />} title={TEXT.noPage}>
      <p>{TEXT.noPageHelp}</p>
      <Link to="/control" className="mt-3 inline-block font-medium text-ink underline underline-offset-4">
        {TEXT.toNow}
      </Link>
    </Empty>
  );
}

/** What stands where a page is not for whoever came in. */
export function NotYours({ page }: { page: Page }) {
  const { rights, change } = useDesk();
  return (
    <Empty icon={<Lock aria-hidden />} title={TEXT.notForYou(page.title)}>
      <p>{TEXT.notForYouHelp(rights, page.roles)}</p>
      <Button onClick={change} className="mt-4">
        {TEXT.otherToken}
      </Button>
    </Empty>
  );
}
