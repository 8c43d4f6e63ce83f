import { Plug } from "lucide-react";
import { Link } from "react-router";
import { Card } from "../../../design/Card";
import { TEXT, WAYS } from "./text";

/** How the platforms that are not connected yet would be; there may be several IRC servers. */
export function Ways({ taken }: { taken: string[] }) {
  const open = WAYS.filter(({ platform }) => platform === "irc" || !taken.includes(platform));
  return (
    <Card title={TEXT.ways} icon={<Plug aria-hidden />}>
      <p className="text-sm text-quiet">
        {TEXT.waysHelp}{" "}
        <Link to="/control/settings" className="text-ink underline decoration-edge underline-offset-4">
          {TEXT.toSettings}
        </Link>
      </p>
      <ul className="mt-3 divide-y divide-line border-t border-line text-sm">
        {open.map((way) => (
          <li key={way.platform} className="flex flex-col gap-2 py-3 last:pb-0">
            <h3 className="font-medium">{TEXT.platforms[way.platform]}</h3>
            <pre className="rounded-card bg-house px-3 py-2 text-xs break-words whitespace-pre-wrap">{way.table}</pre>
            {way.command && (
              <pre className="rounded-card bg-house px-3 py-2 text-xs break-words whitespace-pre-wrap">
                {way.command}
              </pre>
            )}
            <p className="text-quiet">
              {way.help} {TEXT.guide(way.guide)}.
            </p>
          </li>
        ))}
      </ul>
    </Card>
  );
}
