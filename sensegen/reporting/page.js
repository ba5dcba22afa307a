"use strict";
// Each form.switch shows those items of its target whose data-* are among the chosen values; "*" stands for all.
for (const form of document.querySelectorAll("form.switch")) {
  const items = document.getElementById(form.dataset.target).querySelectorAll("[data-item]");
  const keys = form.dataset.keys.split(" ");
  const show = () => {
    const chosen = new FormData(form);
    for (const item of items) {
      const shown = keys.every((key) => chosen.getAll(key).some((value) => value === "*" || value === item.dataset[key]));
      item.toggleAttribute("hidden", !shown);
    }
  };
  form.addEventListener("change", show);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  show();
}
