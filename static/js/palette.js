// Ctrl-K: a combobox (APG) in a native dialog. The server finds patients and pages; what can be done on the page that is
// open is read from the page itself. Nothing is kept in the browser.
const WAIT = 120; // ms of silence before the server is asked
const MOST_ACTS = 6;

const dialog = document.getElementById("palette");
const field = dialog.querySelector("[role=combobox]");
const list = dialog.querySelector("[role=listbox]");
const status = dialog.querySelector("[role=status]");

let timer;
let asked = 0;
let waiting = false; // the list is not yet that of what was typed
let chosen = false; // Enter came meanwhile: it means the first of what is coming

/** The words of a control, without the keys shown in it. */
function wordsOf(control) {
  const copy = control.cloneNode(true);
  for (const part of copy.querySelectorAll("kbd, .sr, svg")) part.remove();
  return copy.textContent.trim().replace(/\s+/g, " ") || control.getAttribute("aria-label") || "";
}

/** What the open page offers: controls with a key of their own, and the tabs of what is open. */
function acts(text) {
  const wanted = text.toLowerCase().split(/\s+/);
  const controls = document.querySelectorAll("main [data-key], main .tabs a:not([aria-current])");
  return [...controls]
    .filter((control) => control.checkVisibility())
    .map((control) => [wordsOf(control), control])
    .filter(([words]) => wanted.every((part) => words.toLowerCase().includes(part)))
    .slice(0, MOST_ACTS);
}

/** An act as an option of the list; choosing it presses the control where it stands. */
function option([words, control], number) {
  const made = document.createElement("div");
  Object.assign(made, { id: `act-${number}`, textContent: words });
  made.setAttribute("role", "option");
  made.setAttribute("aria-selected", "false");
  if (control.dataset.key) {
    const key = Object.assign(document.createElement("kbd"), { className: "push", textContent: control.dataset.key.toUpperCase() });
    made.append(key);
  }
  made.addEventListener("click", () => {
    dialog.close();
    press(control);
  });
  return made;
}

function actGroup(text) {
  const found = acts(text);
  if (!found.length) return [];
  const group = document.createElement("div");
  group.setAttribute("role", "group");
  group.setAttribute("aria-label", "On this page");
  const heading = Object.assign(document.createElement("h3"), { textContent: "On this page" });
  heading.setAttribute("aria-hidden", "true");
  group.append(heading, ...found.map(option));
  return [group];
}

/** Do what a control does: a <summary> opens and hands the focus to its first field, anything else is clicked. */
export function press(control) {
  const details = control.matches("summary") ? control.parentElement : null;
  if (!details) return control.click();
  details.open = true;
  details.querySelector("input:not([type=hidden]), select, textarea")?.focus();
}

const options = () => [...list.querySelectorAll("[role=option]")];

function select(chosen) {
  for (const one of options()) one.setAttribute("aria-selected", String(one === chosen));
  if (chosen) {
    field.setAttribute("aria-activedescendant", chosen.id);
    chosen.scrollIntoView({ block: "nearest" });
  } else field.removeAttribute("aria-activedescendant");
}

function show(html) {
  list.innerHTML = html;
  list.prepend(...actGroup(field.value.trim()));
  const found = options();
  list.hidden = !found.length;
  field.setAttribute("aria-expanded", String(found.length > 0));
  status.textContent = found.length ? `${found.length} found. Arrow keys move, Enter opens.` : "Nothing found. Three letters of a name, a phone number, a birth date or a record number find a patient.";
  select(found[0]);
  waiting = false;
  if (chosen) found[0]?.click();
  chosen = false;
}

/** Ask the server; a later question overtakes. A redirect means that the session has ended. */
async function look() {
  const mine = ++asked;
  const address = `${dialog.dataset.url}?q=${encodeURIComponent(field.value.trim())}`;
  const answer = await fetch(address, { redirect: "manual", headers: { "HX-Request": "true" } }).catch(() => null);
  if (mine !== asked || !dialog.open) return;
  if (answer?.type === "opaqueredirect" || answer?.headers.has("HX-Redirect")) return location.reload();
  if (answer?.ok) show(await answer.text());
  else status.textContent = "No answer. Try again.";
  waiting = chosen = false;
}

/** Open it empty; the dialog gives the focus back by itself when it closes. */
export function openPalette() {
  if (document.querySelector("dialog[open]")) return;
  field.value = "";
  list.hidden = true;
  status.textContent = "";
  waiting = true;
  chosen = false;
  dialog.showModal();
  look();
}

field.addEventListener("input", () => {
  clearTimeout(timer);
  waiting = true;
  chosen = false;
  timer = setTimeout(look, WAIT);
});

field.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const all = options();
  const at = all.findIndex((one) => one.getAttribute("aria-selected") === "true");
  if (step && all.length) select(all[(at + step + all.length) % all.length]);
  else if (event.key === "Enter" && waiting) chosen = true;
  else if (event.key === "Enter") all[at]?.click();
  else return;
  event.preventDefault();
});

dialog.addEventListener("click", (event) => event.target === dialog && dialog.close()); // the backdrop
