/** What allows the styles that Radix makes while a list is open; the page's policy forbids all others in the page. */
export const nonce = document.querySelector<HTMLScriptElement>("script[nonce]")?.nonce ?? "";

// Where Radix's scroll lock looks for it (the `get-nonce` package).
Object.assign(globalThis, { __webpack_nonce__: nonce });
