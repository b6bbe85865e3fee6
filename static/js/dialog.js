// Native dialogs, side sheets and forms in <details>. A link with data-opens="id" opens it; without JavaScript it is a plain link
// to a page with the same form. Esc closes, unless something was typed and not saved.

/** Whether a form in the dialog differs from what the server sent. */
function unsaved(dialog) {
  return [...dialog.querySelectorAll("input, textarea, select")].some((field) => {
    if (field.matches("select")) return [...field.options].some((option) => option.selected !== option.defaultSelected);
    return field.type === "checkbox" || field.type === "radio"
      ? field.checked !== field.defaultChecked
      : field.value !== field.defaultValue;
  });
}

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  const dialog = opener && document.getElementById(opener.dataset.opens);
  if (dialog) {
    event.preventDefault();
    if (dialog instanceof HTMLDialogElement) dialog.showModal();
    else dialog.open = true; // a form that opens in place
    dialog.querySelector("[autofocus], input:not([type=hidden]), textarea, select")?.focus();
    return;
  }
  const closer = event.target.closest("[data-closes]");
  if (closer) {
    event.preventDefault();
    closer.closest("dialog").close();
  }
});

document.addEventListener("cancel", (event) => {
  const question = event.target.querySelector("[data-unsaved]");
  if (!question || !unsaved(event.target)) return;
  event.preventDefault();
  question.hidden = false;
  question.querySelector("button")?.focus();
}, true);
