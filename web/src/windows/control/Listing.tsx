import { CloudOff } from "lucide-react";
import type { ReactNode } from "react";
import { Button } from "../../design/Button";
import { Empty } from "../../design/Empty";
import { TEXT } from "./text";
import { type Topic, useTopic } from "./useControl";

type Rows = { [T in Topic]: NonNullable<ReturnType<typeof useTopic<T>>["data"]> };
type ListTopic = Exclude<Topic, "show">;

interface ListingProps<T extends ListTopic> {
  topic: T;
  empty: { icon: ReactNode; title: string; help: string };
  children: (rows: Rows[T]) => ReactNode;
}

/** The rows of one part of the state, or what stands in their place: loading, trouble, nothing. */
export function Listing<T extends ListTopic>({ topic, empty, children }: ListingProps<T>) {
  const { data, error, refetch } = useTopic(topic);
  if (error && !data) {
    return (
      <Empty small icon={<CloudOff aria-hidden />} title={error.message}>
        <Button small onClick={() => void refetch()} className="mt-2">
          {TEXT.again}
        </Button>
      </Empty>
    );
  }
  if (!data) return <p className="animate-breathe text-sm text-quiet">{TEXT.loading}</p>;
  const rows = data as Rows[T];
  if (rows.length === 0) {
    return (
      <Empty small icon={empty.icon} title={empty.title}>
        {empty.help}
      </Empty>
    );
  }
  return children(rows);
}
