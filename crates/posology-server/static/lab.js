// While a rate is dragged, the answer is asked for anew and put in place; without script the button does the same.
"use strict";
(() => {
  const form = document.getElementById("lab");
  const answer = document.getElementById("answer");
  const sliders = document.getElementById("sliders");
  if (!form || !answer || !sliders) return;
  const truth = form.elements.namedItem("truth");
  let running = false;
  let again = false;
  const ask = async () => {
    if (running) {
      again = true;
      return;
    }
    running = true;
    const query = new URLSearchParams(new FormData(form));
    try {
      const reply = await fetch("/lab/answer?" + query);
      answer.innerHTML = await reply.text();
      history.replaceState(null, "", "/lab?" + query);
    } finally {
      running = false;
      if (again) {
        again = false;
        ask();
      }
    }
  };
  sliders.addEventListener("input", () => {
    const inputs = [...sliders.querySelectorAll("input")];
    for (const input of inputs) input.parentElement.querySelector("output").value = Number(input.value).toFixed(2);
    truth.value = inputs.map((input) => Number(input.value).toFixed(2)).join(",");
    ask();
  });
  form.addEventListener("change", (event) => {
    if (event.target === truth && truth.value.split(",").length !== sliders.querySelectorAll("input").length) {
      form.submit();
      return;
    }
    ask();
  });
})();
