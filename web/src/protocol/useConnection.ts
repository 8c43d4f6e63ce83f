import { useEffect, useMemo, useSyncExternalStore } from "react";
import { Connection, type Status, socketUrl } from "./client";
import type { Hello } from "./frames";

/** A window's connection, open while the window is. `hello` counts when the window begins or `key` changes. */
export function useConnection(hello: Hello, key: string): Connection {
  // biome-ignore lint/correctness/useExhaustiveDependencies: language and name change in mid-conversation by frames
  const connection = useMemo(() => new Connection(socketUrl(), hello), [key]);
  useEffect(() => {
    connection.open();
    return () => connection.close();
  }, [connection]);
  return connection;
}

/** Where the connection stands. */
export function useStatus(connection: Connection): Status {
  return useSyncExternalStore(
    (listener) => connection.on("status", listener),
    () => connection.status,
  );
}
