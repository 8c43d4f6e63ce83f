import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useToast } from "../../../design/Toast";
import { type Mute, rest } from "../../../protocol/rest";
import { spoken, TEXT } from "./text";

/** How long something may be muted; 0 is until somebody unmutes it. */
export const DURATIONS = [
  { text: "for a minute", seconds: 60 },
  { text: "for 10 minutes", seconds: 600 },
  { text: "for an hour", seconds: 3600 },
  { text: "until unmuted", seconds: 0 },
];

/** What mutes something for a while. */
export function useMute() {
  const queries = useQueryClient();
  const toast = useToast();
  return useMutation({
    mutationFn: ({ what, seconds }: { what: Mute; seconds: number }) => rest.mute(what, seconds),
    onSuccess: (_, { what }) => toast(TEXT.muted(nameOf(what))),
    onError: (error) => toast(error.message, true),
    onSettled: async () => {
      await queries.invalidateQueries({ queryKey: ["mutes"] });
      await queries.invalidateQueries({ queryKey: ["queue"] });
    },
  });
}

/** What is muted, in words. */
export function nameOf({ what, name }: Mute): string {
  return what === "sense" ? spoken(name) : name;
}

/** Time that is left, rounded up: `10 min`, `42 s`. */
export function left(seconds: number): string {
  if (seconds <= 60) return `${Math.max(0, Math.ceil(seconds))} s`;
  const minutes = Math.ceil(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
