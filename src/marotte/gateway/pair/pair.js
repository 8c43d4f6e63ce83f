// Gives the code to the program and goes on to the talk window with the token that it gets for it.
const at = (id) => document.getElementById(id);
const fragment = new URLSearchParams(location.hash.slice(1));

at("code").value = fragment.get("code") ?? "";
at("name").value = (/iPhone|iPad|Android|Mac|Windows|Linux/.exec(navigator.userAgent) ?? ["Device"])[0];
history.replaceState(null, "", location.pathname);

at("pair").addEventListener("submit", async (event) => {
  event.preventDefault();
  at("trouble").textContent = "";
  try {
    const answer = await fetch("/api/v1/pair", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ code: at("code").value, name: at("name").value.trim() }),
    });
    const body = await answer.json();
    if (answer.ok) location.replace(`/talk#token=${body.token}`);
    else at("trouble").textContent = typeof body.detail === "string" ? body.detail : "A field is not filled in well.";
  } catch {
    at("trouble").textContent = "The program cannot be reached. Is it running, and is this device in the same network?";
  }
});
