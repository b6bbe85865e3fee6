// Buttons that copy: data-copies names the element. Without the browser's clipboard they stay hidden; the text can be selected.
for (const button of document.querySelectorAll("[data-copies]")) {
  const source = document.getElementById(button.dataset.copies);
  if (!source || !navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    const words = button.querySelector("span") ?? button;
    const before = words.textContent;
    await navigator.clipboard.writeText(source.value ?? source.textContent);
    words.textContent = "Copied";
    setTimeout(() => (words.textContent = before), 2000);
  });
}
for (const field of document.querySelectorAll("input[readonly]")) field.addEventListener("focus", () => field.select());
