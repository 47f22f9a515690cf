// Shows a quantity in its other units while it is typed, and sets the offset of this machine's clock where none is chosen.
"use strict";
(() => {
  const offset = () => {
    const minutes = -new Date().getTimezoneOffset();
    const size = Math.abs(minutes);
    const two = (number) => String(number).padStart(2, "0");
    return (minutes < 0 ? "-" : "+") + two(Math.floor(size / 60)) + ":" + two(size % 60);
  };
  for (const select of document.querySelectorAll("select[data-offset]")) {
    const input = select.parentElement.querySelector("input");
    input.addEventListener("input", () => {
      if (/\d[T ]\d{2}:\d{2}$/.test(input.value) && !select.value) select.value = offset();
      if (/^\d{4}(-\d{2}){0,2}$/.test(input.value)) select.value = "";
    });
  }
  for (const input of document.querySelectorAll("input[data-quantity]")) {
    const row = input.parentElement;
    const unit = row.querySelector("select");
    const shown = row.querySelector("output");
    const convert = async () => {
      if (!input.value || !unit.value) {
        shown.value = "";
        return;
      }
      const query = new URLSearchParams({ quantity: input.value + " " + unit.value, shape: input.dataset.quantity });
      const reply = await fetch("/api/v1/convert?" + query);
      const answer = await reply.json();
      shown.value = reply.ok ? answer.also : answer.detail;
    };
    input.addEventListener("change", convert);
    unit.addEventListener("change", convert);
  }
  for (const form of document.querySelectorAll("form.entry")) {
    form.addEventListener("submit", (event) => {
      if (form.dataset.sent) event.preventDefault();
      form.dataset.sent = "yes";
    });
  }
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form.entry")) delete form.dataset.sent;
  });
})();
