// What is pointed at is said under its figure, and its subject marked in the others; a change of the filter is sent at once.
"use strict";
(() => {
  const form = document.getElementById("filter");
  if (form) form.addEventListener("change", () => form.requestSubmit());
  const marks = [];
  for (const figure of document.querySelectorAll("figure.result")) {
    const told = figure.querySelector(".told");
    for (const title of figure.querySelectorAll("svg g > title, svg a > title")) {
      const mark = title.parentElement;
      if (mark.tagName === "svg") continue;
      const words = title.textContent;
      const subject = words.split(" ")[0];
      mark.setAttribute("tabindex", "0");
      mark.setAttribute("role", "img");
      mark.setAttribute("aria-label", words);
      mark.classList.add("mark");
      title.remove();
      const show = (on) => {
        told.textContent = on ? words : "";
        for (const other of marks) other.mark.classList.toggle("pointed", on && other.subject === subject);
      };
      mark.addEventListener("pointerenter", () => show(true));
      mark.addEventListener("pointerleave", () => show(false));
      mark.addEventListener("focus", () => show(true));
      mark.addEventListener("blur", () => show(false));
      marks.push({ mark, subject });
    }
  }
})();
