// The server signs out whoever is idle. Two minutes before, the page asks; afterwards it goes to the door by itself, so
// that nothing stays on the screen. Windows of one browser tell each other when they were used, staff's and patients'
// apart. Staff come back to where they were (`data-returns`); a patient's door knows by itself what to ask.
const dialog = document.getElementById("idle");
const { seconds, warning, ping, door } = dialog.dataset;
const windows = new BroadcastChannel(dialog.dataset.windows);

let used = Date.now();

/** The server heard from us: the time starts anew. */
function start({ tell = true } = {}) {
  used = Date.now();
  if (dialog.open) dialog.close();
  if (tell) windows.postMessage("used");
}

function look() {
  const idle = (Date.now() - used) / 1000;
  if (idle >= Number(seconds) + 15) { // the server keeps the time to 10 s: by now it has surely ended the session
    const here = encodeURIComponent(location.pathname + location.search);
    location.assign("returns" in dialog.dataset ? `${door}?why=idle&next=${here}` : door);
  } else if (idle >= Number(seconds) - Number(warning) && !dialog.open) {
    dialog.showModal();
  }
}

/** "Stay signed in", and Esc: any request keeps the session. */
async function stay() {
  const answer = await fetch(ping, { method: "HEAD", redirect: "manual" });
  if (answer.ok) start();
  else location.reload();
}

dialog.addEventListener("cancel", stay);
dialog.querySelector("form").addEventListener("submit", stay);
document.addEventListener("htmx:afterRequest", () => start());
windows.addEventListener("message", () => start({ tell: false }));
start();
setInterval(look, 5000);
