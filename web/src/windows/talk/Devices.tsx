import { Mic, Volume2 } from "lucide-react";
import { type ReactNode, useEffect, useState } from "react";
import { Select } from "../../design/Select";
import { type Device, type DeviceKind, devices, loudspeakerOffered, onDevices } from "../../sound/devices";
import { useText } from "./text";
import type { Talking } from "./useTalk";

/** Which microphone hears the partner and where the voice comes out. */
export function Devices({ talk }: { talk: Talking }) {
  const words = useText();
  const microphones = useDevices("audioinput");
  const loudspeakers = useDevices("audiooutput");
  return (
    <div className="flex flex-col gap-4">
      <Choice
        label={words.microphone}
        icon={<Mic aria-hidden />}
        value={talk.speaking.device}
        offered={microphones}
        onChange={(id) => void talk.speech.setDevice(id)}
      />
      {loudspeakerOffered() ? (
        <Choice
          label={words.loudspeaker}
          icon={<Volume2 aria-hidden />}
          value={talk.loudspeaker}
          offered={loudspeakers}
          onChange={talk.setLoudspeaker}
        />
      ) : (
        <p className="text-sm text-quiet">{words.loudspeakerAbsent}</p>
      )}
      {microphones.length === 0 && <p className="text-sm text-quiet">{words.devicesUnnamed}</p>}
    </div>
  );
}

interface ChoiceProps {
  label: string;
  icon: ReactNode;
  value: string;
  offered: Device[];
  onChange: (id: string) => void;
}

/** Radix takes an empty value for no choice at all. */
const OWN = "own";

function Choice({ label, icon, value, offered, onChange }: ChoiceProps) {
  const words = useText();
  const options = [
    { value: OWN, text: words.systemDevice },
    ...offered.map(({ id, name }) => ({ value: id, text: name })),
  ];
  // One that was chosen and is unplugged now.
  if (value && !offered.some(({ id }) => id === value)) options.push({ value, text: words.deviceGone });
  return (
    <div>
      <p aria-hidden className="mb-1 text-sm">
        {label}
      </p>
      <Select
        label={label}
        icon={icon}
        value={value || OWN}
        options={options}
        onChange={(id) => onChange(id === OWN ? "" : id)}
        className="w-full min-w-0 [&>span]:truncate"
      />
    </div>
  );
}

function useDevices(kind: DeviceKind): Device[] {
  const [found, setFound] = useState<Device[]>([]);
  useEffect(() => {
    let here = true;
    const look = () => void devices(kind).then((all) => here && setFound(all));
    look();
    const end = onDevices(look);
    return () => {
      here = false;
      end();
    };
  }, [kind]);
  return found;
}
