// Every page: what is wrong gets the focus, a form posts once, toasts go by themselves. All of it is a comfort:
// without JavaScript the same forms and links work as full pages.
import "./dialog.js";
import { showToast, watchToasts } from "./toast.js";

/** Focus the error summary (or a heading that a swap asked for), so that it is read first. */
function focusWhatMatters(root) {
  const target = root.matches?.("[data-focus]") ? root : root.querySelector?.("[data-focus]");
  target?.focus();
}

/** A form posts once: its button keeps its width, says that it is busy, and ignores a second press. */
function postOnce(event) {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post" || form.matches("[hx-post]")) return;
  if (form.dataset.posted) return event.preventDefault();
  form.dataset.posted = "1";
  event.submitter?.setAttribute("aria-busy", "true");
}

/** Coming back by the Back button must find a form that works. */
function freeForms() {
  for (const form of document.querySelectorAll("form[data-posted]")) {
    delete form.dataset.posted;
    for (const button of form.querySelectorAll("[aria-busy]")) button.removeAttribute("aria-busy");
  }
}

/** While htmx waits, its button is busy; afterwards focus goes to what the answer marks. */
function htmxButton(event) {
  const source = event.detail.elt;
  return source.matches("form") ? source.querySelector("button:not([type=button])") : source.closest("button");
}

document.addEventListener("submit", postOnce);
addEventListener("pageshow", freeForms);
document.addEventListener("htmx:beforeRequest", (event) => htmxButton(event)?.setAttribute("aria-busy", "true"));
document.addEventListener("htmx:afterRequest", (event) => htmxButton(event)?.removeAttribute("aria-busy"));
document.addEventListener("htmx:afterSettle", (event) => focusWhatMatters(event.detail.elt));
document.addEventListener("prm:toast", (event) => showToast(event.detail.text, event.detail.undo));
document.addEventListener("htmx:responseError", () => showToast("That did not reach us. Try again.", ""));
document.addEventListener("htmx:sendError", () => showToast("No connection. Try again.", ""));
focusWhatMatters(document);
watchToasts();
if (document.querySelector(".chart-figure")) import("./chart-tips.js");
