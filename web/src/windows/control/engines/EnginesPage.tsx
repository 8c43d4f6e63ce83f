import { useMay } from "../desk";
import { Engines } from "./Engines";
import { Found } from "./Found";
import { Sounds } from "./Sounds";

/** Who thinks, speaks and hears. */
export function EnginesPage() {
  const mayChoose = useMay("operator");
  return (
    <div className="grid grid-cols-1 items-start gap-4 lg:grid-cols-[minmax(0,7fr)_minmax(0,5fr)]">
      <Engines />
      <div className="flex min-w-0 flex-col gap-4">
        <Sounds />
        {mayChoose && <Found />}
      </div>
    </div>
  );
}
