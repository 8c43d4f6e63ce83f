/** Let the browser offer to install the window: `sw.js` answers for the assets, which never change under a name. */
export function installable(): void {
  if (!import.meta.env.PROD || !("serviceWorker" in navigator)) return;
  // Where it may not (a certificate that the device does not trust), the window goes on without it.
  navigator.serviceWorker.register("/sw.js").catch(() => {});
}
