import { useMay } from "../desk";
import { Engines } from "./Engines";
import { Found } from "./Found";
import { Links } from "./Links";
import { Sounds } from "./Sounds";

/** Who thinks, speaks and hears, and how the connections to other programs fare. */
export function EnginesAndLinks() {
  const mayChoose = useMay("operator");
  return (
    <div className="grid grid-cols-1 items-start gap-4 lg:grid-cols-[minmax(0,7fr)_minmax(0,5fr)]">
      <Engines />
      <div className="flex min-w-0 flex-col gap-4">
        <Links />
        <Sounds />
        {mayChoose && <Found />}
      </div>
    </div>
  );
}
