import { useSyncExternalStore } from "react";

export type Theme = "system" | "dark" | "daylight";
const KEY = "marotte.theme";
const listeners = new Set<() => void>();

function kept(): Theme {
  const value = localStorage.getItem(KEY);
  return value === "dark" || value === "daylight" ? value : "system";
}

/** Put the kept theme on the page. */
export function applyTheme(): void {
  const theme = kept();
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

function keep(theme: Theme): void {
  localStorage.setItem(KEY, theme);
  applyTheme();
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  const media = matchMedia("(prefers-color-scheme: light)");
  listeners.add(listener);
  media.addEventListener("change", listener);
  return () => {
    listeners.delete(listener);
    media.removeEventListener("change", listener);
  };
}

function shown(): "dark" | "daylight" {
  const theme = kept();
  if (theme !== "system") return theme;
  return matchMedia("(prefers-color-scheme: light)").matches ? "daylight" : "dark";
}

/** The theme that is seen now, and what turns it over. */
export function useTheme(): { theme: "dark" | "daylight"; turn: () => void } {
  const theme = useSyncExternalStore(subscribe, shown);
  return { theme, turn: () => keep(theme === "dark" ? "daylight" : "dark") };
}
