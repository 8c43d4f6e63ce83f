const KEY = "marotte.token";

/** Take the token out of the address (`#token=…`), where no log sees it, and keep it for this tab; whether there was one. */
export function takeToken(): boolean {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const token = fragment.get("token");
  if (token === null) return false;
  keepToken(token);
  fragment.delete("token");
  const rest = fragment.toString();
  history.replaceState(history.state, "", location.pathname + location.search + (rest ? `#${rest}` : ""));
  return true;
}

/** Keep a token for this tab, or for all that open on this device later: an installed window has no tab to come back to. */
export function keepToken(token: string, lasting = false): void {
  sessionStorage.setItem(KEY, token);
  if (lasting) localStorage.setItem(KEY, token);
}

/** Keep no token any more. */
export function leave(): void {
  sessionStorage.removeItem(KEY);
  localStorage.removeItem(KEY);
}

/** The token of this tab; where it has none, this device's. */
export function token(): string {
  return sessionStorage.getItem(KEY) || localStorage.getItem(KEY) || "";
}
