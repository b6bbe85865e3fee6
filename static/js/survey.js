// A change of language keeps the score and the words: they are posted along and come back in the page, saved nowhere.
const form = document.querySelector("#answer");

for (const link of document.querySelectorAll("a.lang")) {
  link.addEventListener("click", (event) => {
    const typed = new FormData(form);
    if (!typed.get("score") && !typed.get("comment")) return;
    event.preventDefault();
    const mark = Object.assign(document.createElement("input"), { type: "hidden", name: "switch", value: link.lang });
    form.append(mark);
    form.action = link.href;
    form.submit();
  });
}
