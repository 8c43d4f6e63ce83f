/** Chinese, Japanese and Korean characters, their marks, and full-width forms. */
const CJK = /[⺀-꓏가-힣豈-﫿︰-﹏＀-￮]/u;

/** Have the fonts for Chinese and Japanese once a page shows any of it; their lists alone weigh as much as a window. */
export function followCjk(root: Node = document.body): void {
  const load = () => {
    observer.disconnect();
    void import("./cjk");
  };
  const observer = new MutationObserver((changes) => {
    const shown = changes.flatMap((change) =>
      change.type === "characterData" ? [change.target] : [...change.addedNodes],
    );
    if (shown.some((node) => CJK.test(node.textContent ?? ""))) load();
  });
  observer.observe(root, { subtree: true, childList: true, characterData: true });
}
