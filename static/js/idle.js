// The server signs out whoever is idle. Two minutes before, the page asks; afterwards it goes to the door by itself, so
// that nothing stays on the screen. Windows of one browser tell each other when they were used, staff's and patients'
// apart. Staff come back to where they were (`data-returns`), with what they had typed (`data-keeps`, accounts/kept.py); a
// patient's door knows by itself what to ask.
const dialog = document.getElementById("idle");
const { seconds, warning, ping, door } = dialog.dataset;
const windows = new BroadcastChannel(dialog.dataset.windows);

let used = Date.now();
let leaving = false;

/** The server heard from us: the time starts anew. */
function start({ tell = true } = {}) {
  used = Date.now();
  if (dialog.open) dialog.close();
  if (tell) windows.postMessage("used");
}

/** Whether somebody typed into the field, or chose; secrets and files are not kept. */
function isChanged(field) {
  if (field.matches("button, fieldset, output, [type=hidden], [type=file], [type=password]")) return false;
  if (field.matches("[type=checkbox], [type=radio]")) return field.checked !== field.defaultChecked;
  if (!field.matches("select")) return field.value !== field.defaultValue;
  const options = [...field.options];
  const first = options.findIndex((one) => one.defaultSelected);
  return field.multiple ? options.some((one) => one.selected !== one.defaultSelected) : field.selectedIndex > Math.max(first, 0) || (first > 0 && field.selectedIndex !== first);
}

/** Have the text of the form that was begun kept; the page that will show it, or nothing. */
async function keep() {
  const begun = (form) => form.querySelector("[data-kept]") || [...form.elements].some(isChanged);
  const form = [...document.querySelectorAll("main form[method=post]")].find(begun);
  if (!form || !dialog.dataset.keeps) return "";
  const fields = new FormData(form);
  for (const [name, value] of [...fields]) if (typeof value !== "string") fields.delete(name);
  for (const secret of form.querySelectorAll("[type=password]")) fields.delete(secret.name);
  fields.set("kept_page", location.pathname + location.search);
  fields.set("kept_action", new URL(form.getAttribute("action") || form.getAttribute("hx-post") || location.pathname, location).pathname);
  const headers = JSON.parse(document.body.getAttribute("hx-headers") ?? "{}");
  const options = { method: "POST", body: new URLSearchParams(fields), headers, redirect: "manual" };
  try {
    const answer = await fetch(dialog.dataset.keeps, options);
    return answer.ok ? (await answer.json()).page : "";
  } catch {
    return ""; // no connection: the screen is left all the same
  }
}

async function leave() {
  if (leaving) return;
  leaving = true;
  const here = encodeURIComponent((await keep()) || location.pathname + location.search);
  location.assign("returns" in dialog.dataset ? `${door}?why=idle&next=${here}` : door);
}

function look() {
  const idle = (Date.now() - used) / 1000;
  if (idle >= Number(seconds) + 15) leave(); // the server keeps the time to 10 s: by now it has surely ended the session
  else if (idle >= Number(seconds) - Number(warning) && !dialog.open) dialog.showModal();
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
