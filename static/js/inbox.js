// The inbox by keyboard: j and k move, l logs a contact, e closes, a takes, Escape goes back. Without this module every
// one of these is a link, a button or a <details>.
const KEYS_OF_BUTTONS = new Set(["l", "e", "a"]);

/** Where single keys are text, not commands. */
function writing(event) {
  return event.target.closest("input, textarea, select, [contenteditable]") || event.ctrlKey || event.metaKey || event.altKey;
}

/** The next or previous item of the list gets the focus; Enter then opens it, as on any link. */
function move(step) {
  const items = [...document.querySelectorAll("[data-item]")];
  if (!items.length) return;
  const here = items.indexOf(document.activeElement);
  const start = here >= 0 ? here : items.findIndex((item) => item.parentElement.hasAttribute("aria-current"));
  items[Math.min(Math.max(start + step, 0), items.length - 1)].focus();
}

/** Open the <details> with this id and put the focus into its first field. */
function open(id) {
  const details = document.getElementById(id);
  if (!details) return;
  details.open = true;
  details.querySelector("input:not([type=hidden]), select, textarea")?.focus();
}

/** Do what the button or link with this key does. */
function press(key) {
  const act = document.querySelector(`[data-key="${key}"]`);
  if (!act) return false;
  if (act.dataset.opens) open(act.dataset.opens);
  else if (act.matches("summary")) open(act.parentElement.id);
  else act.click();
  return true;
}

/** Escape closes what is open, else goes back to the list. */
function back() {
  const opened = document.querySelector("details.act[open]");
  if (opened) {
    opened.open = false;
    opened.querySelector("summary").focus();
    return;
  }
  (document.querySelector("[aria-current=true] [data-item]") ?? document.querySelector("[data-item]"))?.focus();
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") return back();
  if (writing(event)) return;
  if (event.key === "j") move(1);
  else if (event.key === "k") move(-1);
  else if (!(KEYS_OF_BUTTONS.has(event.key) && press(event.key))) return;
  event.preventDefault();
});

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  if (!opener) return;
  event.preventDefault();
  open(opener.dataset.opens);
});

// The poll (pulse.js) found a change: fetch the list again, keeping the place of the focus.
document.addEventListener("prm:pulse", async () => {
  const list = document.getElementById("inbox-list");
  if (!list) return;
  const held = list.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  await htmx.ajax("GET", list.dataset.refresh, { target: "#inbox-list", swap: "outerHTML" });
  if (held) document.querySelector(`[data-item][href="${CSS.escape(held)}"]`)?.focus();
});
