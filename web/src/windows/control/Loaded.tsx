import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Trouble } from "./Trouble";
import { TEXT } from "./text";

interface LoadedProps<T> {
  query: UseQueryResult<T>;
  children: (data: T) => ReactNode;
}

/** What was asked for, or what stands in its place: loading, or trouble with the means to ask again. */
export function Loaded<T>({ query: { data, error, refetch }, children }: LoadedProps<T>) {
  if (data !== undefined) return children(data);
  if (error) return <Trouble error={error} retry={() => void refetch()} />;
  return <p className="animate-wait text-sm text-quiet">{TEXT.loading}</p>;
}
