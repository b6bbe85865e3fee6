// The inbox: the poll (pulse.js) found a change, so fetch the list again, keeping the place of the focus. Its keys are
// in keys.js; without any script every one of them is a link, a button or a <details>.
document.addEventListener("prm:pulse", async () => {
  const list = document.getElementById("inbox-list");
  if (!list) return;
  const held = list.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  await htmx.ajax("GET", list.dataset.refresh, { target: "#inbox-list", swap: "outerHTML" });
  if (held) document.querySelector(`[data-item][href="${CSS.escape(held)}"]`)?.focus();
});
