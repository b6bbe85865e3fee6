// The pages of signing in: a code goes off at its last digit, a password can be shown. Both are a comfort.

/** Send the form as soon as all digits are there. */
function sendWhenComplete(field) {
  field.addEventListener("input", () => {
    const digits = field.value.replace(/\D/g, "");
    if (digits.length === Number(field.dataset.code)) field.form.requestSubmit();
  });
}

/** The button beside the label shows what was typed, and hides it again. */
function showOnRequest(button) {
  const field = document.getElementById(button.dataset.reveals);
  button.addEventListener("click", () => {
    const shown = field.type === "text";
    field.type = shown ? "password" : "text";
    button.setAttribute("aria-pressed", String(!shown));
  });
  field.form.addEventListener("submit", () => (field.type = "password"));
}

document.querySelectorAll("[data-code]").forEach(sendWhenComplete);
document.querySelectorAll("[data-reveals]").forEach(showOnRequest);

// Recovery codes: the button prints the page; without this script the browser's menu does.
for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}
