import type { ReactNode } from "react";
import { Empty } from "../../design/Empty";
import { Loaded } from "./Loaded";
import { type Topic, useTopic } from "./useControl";

type Rows = { [T in Topic]: NonNullable<ReturnType<typeof useTopic<T>>["data"]> };
type ListTopic = Exclude<Topic, "show" | "waiting">;

interface ListingProps<T extends ListTopic> {
  topic: T;
  empty: { icon: ReactNode; title: string; help: string };
  children: (rows: Rows[T]) => ReactNode;
}

/** The rows of one part of the state, or what stands in their place: loading, trouble, nothing. */
export function Listing<T extends ListTopic>({ topic, empty, children }: ListingProps<T>) {
  return (
    <Loaded query={useTopic(topic)}>
      {(data) => {
        const rows = data as Rows[T];
        if (rows.length > 0) return children(rows);
        return (
          <Empty small icon={empty.icon} title={empty.title}>
            {empty.help}
          </Empty>
        );
      }}
    </Loaded>
  );
}
