// Charts say each mark's value (its aria-label) on hover, tap and arrow keys. The table under a chart says the same.
const MARKS = "[role=graphics-symbol][aria-label]";

const tip = Object.assign(document.createElement("div"), { className: "tip", hidden: true });
tip.setAttribute("aria-hidden", "true"); // the mark itself is what screen readers read
document.body.append(tip);

/** Show the mark's words over it, inside the window. */
function show(mark) {
  const box = mark.getBoundingClientRect();
  tip.textContent = mark.getAttribute("aria-label");
  tip.hidden = false;
  const left = Math.min(Math.max(8, box.left + box.width / 2 - tip.offsetWidth / 2), innerWidth - tip.offsetWidth - 8);
  tip.style.left = `${left + scrollX}px`;
  tip.style.top = `${Math.max(box.top - tip.offsetHeight - 6, 4) + scrollY}px`;
}

function hide() {
  tip.hidden = true;
}

/** The chart takes one tab stop; arrows walk its marks. */
function walk(event) {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (event.key === "Escape") hide();
  if (!step) return;
  event.preventDefault();
  const marks = [...event.currentTarget.querySelectorAll(MARKS)];
  if (!marks.length) return;
  const at = (Number(event.currentTarget.dataset.at ?? (step > 0 ? -1 : 0)) + step + marks.length) % marks.length;
  event.currentTarget.dataset.at = String(at);
  show(marks[at]);
}

/** A chart that came with the page or with a swap. */
function equip(root) {
  for (const chart of root.querySelectorAll(".chart-figure svg")) {
    if (chart.dataset.tips) continue;
    chart.dataset.tips = "1";
    chart.setAttribute("tabindex", "0");
    chart.addEventListener("keydown", walk);
    chart.addEventListener("blur", hide);
    chart.addEventListener("pointerover", (event) => {
      const mark = event.target.closest(MARKS);
      if (mark) show(mark);
      else hide();
    });
    chart.addEventListener("pointerleave", hide);
  }
}

equip(document);
document.addEventListener("htmx:afterSettle", (event) => equip(event.detail.elt));
