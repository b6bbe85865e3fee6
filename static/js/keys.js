// The keyboard map of the staff's pages (ui.md section 5). Every key does what a link or a button on the page does too.
// Single keys rest inside fields and dialogs, and where the person has turned them off.
import { openPalette, press } from "./palette.js";

const ITEMS = "main [data-item], main table a.name, main .items a.cover";
const KEYS_OF_BUTTONS = new Set(["l", "e", "a"]);
const GO_WITHIN = 1500; // ms between `g` and its letter

let going = 0;

/** Whether single keys are text here, or off. */
function resting(event) {
  return (
    document.body.dataset.shortcuts === "off" ||
    event.ctrlKey || event.metaKey || event.altKey ||
    document.querySelector("dialog[open]") ||
    event.target.closest?.("input, textarea, select, [contenteditable]")
  );
}

/** The next or previous item of the list gets the focus; Enter then opens it, as on any link. */
function move(step) {
  const items = [...document.querySelectorAll(ITEMS)].filter((item) => item.checkVisibility());
  if (!items.length) return;
  const here = items.indexOf(document.activeElement);
  const start = here >= 0 ? here : items.findIndex((item) => item.parentElement.hasAttribute("aria-current"));
  items[Math.min(Math.max(start + step, 0), items.length - 1)].focus();
}

/** Do what the control with this key does. */
function pressKey(key) {
  const control = document.querySelector(`main [data-key="${key}"]`);
  if (control) press(control);
  return Boolean(control);
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

/** `g`, then the letter of an entry of the side bar. */
function go(letter) {
  const link = document.querySelector(`nav.side [data-go="${CSS.escape(letter)}"]`);
  link?.click();
  return Boolean(link);
}

/** The page's own search, else the palette. */
function searchHere() {
  const field = document.querySelector("main input[type=search]");
  if (!field) return openPalette();
  field.focus();
  field.select();
}

/** The sheet of all keys, fetched once. */
async function openSheet() {
  const dialog = document.getElementById("shortcuts");
  const place = dialog.querySelector("[data-keys]");
  if (!place.childElementCount) {
    const answer = await fetch(dialog.dataset.url, { redirect: "manual", headers: { "HX-Request": "true" } });
    if (!answer.ok) return location.assign(dialog.dataset.url);
    place.innerHTML = await answer.text();
  }
  if (!document.querySelector("dialog[open]")) dialog.showModal();
}

/** The form that Ctrl-Enter sends and Ctrl-S saves: the one with the focus, else the page's only one with a main button. */
function formOf(target) {
  const own = target.closest?.("form[method=post]");
  if (own || document.querySelector("dialog[open]")) return own;
  const forms = new Set([...document.querySelectorAll("main form[method=post] .btn.primary")].map((button) => button.form));
  return forms.size === 1 ? [...forms][0] : null;
}

/** Keys with Ctrl (⌘): these also work inside fields. */
function withControl(event) {
  const key = event.key.toLowerCase();
  if (key === "k") openPalette();
  else if (key === "enter" && event.target.closest?.("form[method=post]")) formOf(event.target).requestSubmit();
  else if (key === "s" && formOf(event.target)) formOf(event.target).requestSubmit();
  else return false;
  return true;
}

/** A single key; true where it did something. */
function single(key) {
  if (going && Date.now() - going < GO_WITHIN) {
    going = 0;
    return go(key);
  }
  going = 0;
  if (key === "g") going = Date.now();
  else if (key === "j") move(1);
  else if (key === "k") move(-1);
  else if (key === "/") searchHere();
  else if (key === "?") openSheet();
  else if (key === "z") document.querySelector("#toasts form button")?.click();
  else return KEYS_OF_BUTTONS.has(key) && pressKey(key);
  return true;
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing) return;
  if (event.key === "Escape") return document.querySelector("dialog[open], :popover-open") ? undefined : back();
  const done = (event.ctrlKey || event.metaKey) && !event.altKey ? withControl(event) : !resting(event) && single(event.key);
  if (done) event.preventDefault();
});

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-palette], [data-sheet]");
  if (!opener || event.ctrlKey || event.metaKey) return; // a new tab shows the page
  event.preventDefault();
  opener.closest("[popover]")?.hidePopover();
  if (opener.matches("[data-palette]")) openPalette();
  else openSheet();
});
