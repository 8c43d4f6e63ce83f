import { AuditLog } from "./AuditLog";
import { HomeNetwork } from "./HomeNetwork";
import { Tokens } from "./Tokens";

/** Who may come in, from where, and what they changed. */
export function Security() {
  return (
    <div className="grid grid-cols-1 items-start gap-4 lg:grid-cols-[minmax(0,5fr)_minmax(0,7fr)]">
      <div className="flex min-w-0 flex-col gap-4">
        <Tokens />
        <HomeNetwork />
      </div>
      <AuditLog />
    </div>
  );
}
