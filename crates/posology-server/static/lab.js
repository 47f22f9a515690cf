// The curve is taken hold of, by pointer or by arrow keys; the answer is asked for anew and put in place meanwhile. Without
// script the number fields and the button do the same.
"use strict";
(() => {
  const form = document.getElementById("lab");
  const answer = document.getElementById("answer");
  const status = document.getElementById("status");
  if (!form || !answer || !status) return;

  const query = () => {
    const all = new URLSearchParams();
    for (const [key, value] of new FormData(form)) {
      if (key === "truth" || key === "efficacy") {
        all.set(key, all.has(key) ? all.get(key) + "," + value : value);
      } else if (value !== "") {
        all.append(key, value);
      }
    }
    return all.toString();
  };

  // One question at a time: while an answer is under way, only the last question is remembered.
  let running = false;
  let next = null;
  const run = async (work) => {
    if (running) {
      next = work;
      return;
    }
    running = true;
    try {
      await work();
    } catch {
      status.textContent = "The lab did not answer.";
    } finally {
      running = false;
      const then = next;
      next = null;
      if (then) run(then);
    }
  };

  const open = (root) => new Set([...root.querySelectorAll("details[id]")].filter((one) => one.open).map((one) => one.id));
  const put = (markup) => {
    const were = open(answer);
    answer.innerHTML = markup;
    for (const one of answer.querySelectorAll("details[id]")) if (were.has(one.id)) one.open = true;
    for (const button of answer.querySelectorAll("[data-copy]")) button.hidden = false;
    answer.removeAttribute("aria-busy");
  };
  const tell = () => {
    const said = answer.querySelector("[data-says], [role=alert]");
    status.textContent = said ? said.dataset.says || said.textContent : "";
  };
  const ask = () =>
    run(async () => {
      const asked = query();
      const reply = await fetch("/lab/answer?" + asked);
      put(await reply.text());
      history.replaceState(null, "", "/lab?" + asked);
    });
  // What changes the form itself, such as another design, has the server make the whole page anew.
  const renew = (asked) =>
    run(async () => {
      const reply = await fetch("/lab?" + asked);
      const page = new DOMParser().parseFromString(await reply.text(), "text/html");
      const [newForm, newAnswer] = [page.getElementById("lab"), page.getElementById("answer")];
      if (!newForm || !newAnswer) return;
      const name = form.contains(document.activeElement) ? document.activeElement.name : "";
      const were = open(form);
      form.innerHTML = newForm.innerHTML;
      for (const one of form.querySelectorAll("details[id]")) if (were.has(one.id)) one.open = true;
      put(newAnswer.innerHTML);
      ready();
      if (name) form.querySelector(`[name="${CSS.escape(name)}"]`)?.focus();
      history.replaceState(null, "", "/lab?" + asked);
      tell();
    });

  const square = (svg) => {
    const side = (name) => Number(svg.dataset[name]);
    return { left: side("left"), right: side("right"), top: side("top"), bottom: side("bottom") };
  };
  const place = (handle, value) => {
    const svg = handle.ownerSVGElement;
    const { left, right, top, bottom } = square(svg);
    const y = bottom - (bottom - top) * value;
    handle.dataset.value = value;
    handle.setAttribute("aria-valuenow", value);
    handle.setAttribute("aria-valuetext", value.toFixed(2));
    handle.querySelector("text").textContent = value.toFixed(2);
    if (handle.dataset.name === "target") {
      handle.setAttribute("transform", `translate(0 ${y.toFixed(1)})`);
      return;
    }
    const all = [...svg.querySelectorAll(`.point[data-name="${handle.dataset.name}"]`)];
    const across = (index) => left + ((right - left) * (index + 0.5)) / all.length;
    handle.setAttribute("transform", `translate(${across(all.indexOf(handle)).toFixed(1)} ${y.toFixed(1)})`);
    const points = all.map((point, index) => {
      const up = bottom - (bottom - top) * Number(point.dataset.value);
      return `${across(index).toFixed(1)},${up.toFixed(1)}`;
    });
    svg.querySelector(`polyline[data-of="${handle.dataset.name}"]`).setAttribute("points", points.join(" "));
  };
  const fieldOf = (handle) => {
    const fields = form.querySelectorAll(`[name="${handle.dataset.name}"]`);
    return fields[Number(handle.dataset.place || 0)];
  };
  const move = (handle, value) => {
    const [low, high] = [Number(handle.getAttribute("aria-valuemin")), Number(handle.getAttribute("aria-valuemax"))];
    const rounded = Number(Math.min(high, Math.max(low, value)).toFixed(2));
    place(handle, rounded);
    const field = fieldOf(handle);
    if (field) {
      field.value = rounded.toFixed(2);
      const slider = field.parentElement.querySelector("input[type=range]");
      if (slider) slider.value = field.value;
    }
    ask();
  };
  const steps = { ArrowUp: 0.01, ArrowRight: 0.01, ArrowDown: -0.01, ArrowLeft: -0.01, PageUp: 0.05, PageDown: -0.05, Home: -1, End: 1 };

  const ready = () => {
    const svg = document.getElementById("curve");
    if (svg) {
      svg.setAttribute("role", "group");
      for (const handle of svg.querySelectorAll("[data-says]")) {
        const target = handle.dataset.name === "target";
        handle.setAttribute("role", "slider");
        handle.setAttribute("tabindex", "0");
        handle.setAttribute("aria-label", handle.dataset.says);
        handle.setAttribute("aria-orientation", "vertical");
        handle.setAttribute("aria-valuemin", target ? 0.01 : 0);
        handle.setAttribute("aria-valuemax", target ? 0.99 : 1);
        handle.setAttribute("aria-valuenow", handle.dataset.value);
        handle.setAttribute("aria-valuetext", Number(handle.dataset.value).toFixed(2));
        handle.addEventListener("keydown", (event) => {
          if (!(event.key in steps) || event.altKey || event.ctrlKey || event.metaKey) return;
          event.preventDefault();
          move(handle, Number(handle.dataset.value) + steps[event.key]);
        });
        handle.addEventListener("keyup", tell);
        handle.addEventListener("pointerdown", (event) => {
          event.preventDefault();
          handle.focus({ preventScroll: true });
          handle.setPointerCapture(event.pointerId);
        });
        handle.addEventListener("pointermove", (event) => {
          if (!handle.hasPointerCapture(event.pointerId)) return;
          const { top, bottom } = square(svg);
          const box = svg.getBoundingClientRect();
          const y = ((event.clientY - box.top) * svg.viewBox.baseVal.height) / box.height;
          move(handle, (bottom - y) / (bottom - top));
        });
        handle.addEventListener("pointerup", tell);
      }
    }
    const hint = document.getElementById("hint");
    if (hint) hint.textContent = "Drag the points and the target, move them with the arrow keys, or set the numbers.";
    for (const field of form.querySelectorAll("[data-slider]")) {
      const slider = document.createElement("input");
      slider.type = "range";
      for (const name of ["min", "max", "step"]) slider.setAttribute(name, field.getAttribute(name));
      slider.value = field.value;
      slider.setAttribute("aria-label", field.parentElement.textContent.trim() + ", slider");
      slider.addEventListener("input", () => {
        field.value = slider.value;
        changed(field);
      });
      field.after(slider);
    }
    for (const button of answer.querySelectorAll("[data-copy]")) button.hidden = false;
  };

  const changed = (field) => {
    if (field.name === "levels") {
      renew(query());
      return;
    }
    const value = Number(field.value);
    const place_ = [...form.querySelectorAll(`[name="${field.name}"]`)].indexOf(field);
    for (const handle of form.querySelectorAll(`[data-name="${field.name}"]`)) {
      const mine = field.name === "target" || Number(handle.dataset.place) === place_;
      if (mine && field.value !== "" && value >= 0 && value <= 1) place(handle, value);
    }
    const slider = field.parentElement.querySelector("input[type=range]");
    if (slider) slider.value = field.value;
    ask();
  };
  form.addEventListener("input", (event) => {
    const field = event.target;
    if (field.type === "number") changed(field);
  });
  form.addEventListener("change", (event) => {
    const field = event.target;
    if (field.type === "number" || field.type === "range") tell();
    else renew(query());
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    renew(query());
  });
  const ownWord = (button, word) => {
    button.textContent = word;
    setTimeout(() => (button.textContent = "Copy"), 1500);
  };
  answer.addEventListener("click", async (event) => {
    const longer = event.target.closest("a[data-ask]");
    if (longer) {
      event.preventDefault();
      status.textContent = "Computing.";
      longer.textContent = "Computing…";
      answer.setAttribute("aria-busy", "true");
      run(async () => {
        const asked = new URL(longer.href).search;
        const reply = await fetch("/lab/answer" + asked);
        put(await reply.text());
        history.replaceState(null, "", "/lab" + asked);
        tell();
      });
      return;
    }
    const button = event.target.closest("button[data-copy]");
    if (!button) return;
    const link = button.parentElement.querySelector("a").href;
    try {
      const text = button.dataset.copy === "link" ? link : await (await fetch(link)).text();
      await navigator.clipboard.writeText(text);
      ownWord(button, "Copied");
      status.textContent = "Copied.";
    } catch {
      ownWord(button, "Not copied");
    }
  });
  ready();
})();
