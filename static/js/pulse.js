// Every staff page asks every ten seconds, while it is visible, whether something changed (messaging.md section 13).
// A change updates the count in the side bar and tells the page's own module by the event prm:pulse.
const EVERY = 10_000;

// The page's own list tells its state; elsewhere the first answer does.
let since = document.querySelector("[data-since]")?.dataset.since ?? "";
let timer;

/** Show a count beside a link of the side bar. */
function show(name, n) {
  for (const place of document.querySelectorAll(`[data-count="${name}"]`)) {
    place.hidden = n === 0;
    place.querySelector("[data-n]").textContent = n.toLocaleString();
  }
}

/** Ask once; a redirect means that the session has ended: then stop. */
async function ask(address) {
  const answer = await fetch(`${address}?since=${since}`, { redirect: "manual", headers: { Accept: "application/json" } });
  if (answer.type === "opaqueredirect" || answer.status === 286) return false;
  if (answer.status !== 200) return true;
  const news = await answer.json();
  const first = since === "";
  since = news.since;
  for (const [name, n] of Object.entries(news.counts)) show(name, n);
  if (!first) document.dispatchEvent(new CustomEvent("prm:pulse"));
  return true;
}

/** The loop: only while somebody can see the page. */
async function beat(address) {
  clearTimeout(timer);
  let goOn = true;
  if (document.visibilityState === "visible") goOn = await ask(address).catch(() => true);
  if (goOn) timer = setTimeout(beat, EVERY, address);
}

const address = document.body.dataset.pulse;
if (address) {
  beat(address);
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && beat(address));
}
