// One toast at a time: 10 s, longer while it is hovered or focused; Undo posts where the server said.
const STAYS = 10_000;

let timer;

/** Let the toast go after its time, unless somebody is reading it. */
function letGo(toast) {
  clearTimeout(timer);
  timer = setTimeout(() => {
    if (toast.matches(":hover, :focus-within")) return letGo(toast);
    toast.remove();
  }, STAYS);
}

/** The CSRF token that the page carries for htmx, or the one of its first form. */
function token() {
  const headers = document.body.getAttribute("hx-headers");
  return headers ? JSON.parse(headers)["X-CSRFToken"] : document.querySelector("[name=csrfmiddlewaretoken]")?.value ?? "";
}

/** Show `text`, with an Undo button that posts to `undo` where given. */
export function showToast(text, undo) {
  const region = document.getElementById("toasts");
  const toast = document.createElement("div");
  toast.className = "toast";
  toast.append(Object.assign(document.createElement("span"), { textContent: text }));
  if (undo) {
    const form = Object.assign(document.createElement("form"), { method: "post", action: undo });
    form.append(
      Object.assign(document.createElement("input"), { type: "hidden", name: "csrfmiddlewaretoken", value: token() }),
      Object.assign(document.createElement("button"), { className: "btn", textContent: region.dataset.undo || "Undo" }),
    );
    toast.append(form);
  }
  region.replaceChildren(toast);
  letGo(toast);
}

/** The toast that the server rendered goes by itself too. */
export function watchToasts() {
  const toast = document.querySelector("[data-toast]");
  if (toast) letGo(toast);
}
