import { CloudOff, Lock } from "lucide-react";
import { Button } from "../../design/Button";
import { Empty } from "../../design/Empty";
import { RestError } from "../../protocol/rest";
import { TEXT } from "./text";

/** What stands where something could not be had: whose it is, or what went wrong with the means to try again. */
export function Trouble({ error, retry }: { error: Error; retry: () => void }) {
  if (error instanceof RestError && error.status === 403) {
    return (
      <Empty small icon={<Lock aria-hidden />} title={TEXT.notYours}>
        {error.message}
      </Empty>
    );
  }
  return (
    <Empty small icon={<CloudOff aria-hidden />} title={error.message}>
      <Button small onClick={retry} className="mt-2">
        {TEXT.again}
      </Button>
    </Empty>
  );
}
