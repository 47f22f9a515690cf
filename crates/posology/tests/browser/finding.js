// How a person finds things on a page: fields by their label, buttons and links by their words, within the part of the
// page that a heading names. Evaluated anew for each step of a story; `part` is that heading, or null for the whole page.
const words = (text) => (text ?? "").replace(/\s+/g, " ").trim();
const shown = (element) => element.checkVisibility({ visibilityProperty: true });

// Exactly so named, else the only one whose name begins so.
const pick = (kind, name, all, namesOf) => {
  const named = all.map((element) => [element, namesOf(element).filter(Boolean)]);
  const exact = named.filter(([, names]) => names.includes(name));
  const found = exact.length ? exact : named.filter(([, names]) => names.some((one) => one.startsWith(name)));
  if (found.length === 1) return found[0][0];
  const there = named.map(([, names]) => names[0] ?? "(without a name)").join(" | ");
  if (found.length) throw new Error(`expected one ${kind} "${name}", found ${found.length}; mend: say within which heading; there are: ${there}`);
  throw new Error(`expected a ${kind} "${name}", found: ${there || "none at all"}`);
};

const HEADS = "h1, h2, h3, h4, h5, legend, summary, caption, th[scope=row], dt";
const rank = (head) => (/^H[1-6]$/.test(head.tagName) ? Number(head.tagName[1]) : 9);

// What belongs to a heading: the box that it opens, or what follows it up to the next heading as high.
const belongsTo = (head) => {
  const box = head.closest("form, fieldset, details, dialog, table tr, table, section, article");
  if (box && (box.tagName === "TR" || box.querySelector(HEADS) === head)) return [box];
  const found = [];
  for (let next = head.nextElementSibling; next; next = next.nextElementSibling) {
    if (next.matches(HEADS) && rank(next) <= rank(head)) break;
    found.push(next);
  }
  return found;
};
const roots = () => {
  if (part === null) return [document.body];
  const groups = [...document.querySelectorAll("[role=group][aria-label], [role=region][aria-label], section[aria-label]")].filter(shown);
  const group = groups.filter((one) => one.getAttribute("aria-label") === part);
  if (group.length === 1) return group;
  const heads = [...document.querySelectorAll(HEADS)].filter(shown);
  return belongsTo(pick("heading", part, heads, (head) => [words(head.textContent)]));
};
const all = (selector) =>
  roots().flatMap((root) => [...(root.matches(selector) ? [root] : []), ...root.querySelectorAll(selector)]).filter(shown);

const byIds = (ids) => (ids ?? "").split(/\s+/).map((id) => document.getElementById(id)?.textContent ?? "").join(" ");
const labelWords = (label) => {
  const copy = label.cloneNode(true);
  for (const control of copy.querySelectorAll("input, select, textarea, output, button, datalist")) control.remove();
  return words(copy.textContent).replace(/[:*]$/, "").trim();
};
const namesOf = (control) => [
  words(byIds(control.getAttribute("aria-labelledby"))),
  words(control.getAttribute("aria-label")),
  ...[...(control.labels ?? [])].map(labelWords),
];
const FIELDS = "input:not([type=hidden]):not([type=submit]):not([type=button]):not([type=reset]), select, textarea";
const field = (name) => {
  const control = pick("field", name, all(FIELDS), namesOf);
  if (control.disabled || control.readOnly) throw new Error(`the field "${name}" cannot be changed`);
  return control;
};
const buttonNames = (button) => [words(button.getAttribute("aria-label")), words(button.textContent), words(button.value)];
const BUTTONS = "button, input[type=submit], input[type=button], [role=button], [role=tab]";
const button = (name) => {
  const found = pick("button", name, all(BUTTONS), buttonNames);
  if (found.disabled) throw new Error(`the button "${name}" cannot be pressed`);
  return found;
};
const link = (name) => pick("link", name, all("a[href]"), buttonNames);
const pressable = (name) => pick("thing to press", name, all(`${BUTTONS}, summary, a[href], label`), buttonNames);

const changed = (control) => {
  control.dispatchEvent(new Event("input", { bubbles: true }));
  control.dispatchEvent(new Event("change", { bubbles: true }));
};
// Where typing is more than text (a date, a slider), the value is set as the browser's own widget sets it.
const fillWidget = (control, value) => {
  Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set.call(control, value);
  changed(control);
  return control.value;
};
const isText = (control) =>
  control.tagName === "TEXTAREA" ||
  ["text", "password", "search", "email", "tel", "url", "number"].includes(control.type);
const choose = (name, option) => {
  const groups = all("fieldset, [role=radiogroup]");
  const groupNames = (group) => [
    words(group.querySelector("legend")?.textContent), words(group.getAttribute("aria-label")), words(byIds(group.getAttribute("aria-labelledby"))),
  ];
  const group = groups.find((one) => groupNames(one).includes(name) && one.querySelector("input[type=radio]"));
  if (group) {
    const radios = [...group.querySelectorAll("input[type=radio]")].filter(shown);
    pick(`choice of "${name}"`, option, radios, namesOf).click();
    return;
  }
  const select = field(name);
  if (select.tagName !== "SELECT") throw new Error(`the field "${name}" has no options`);
  const chosen = pick(`option of "${name}"`, option, [...select.options], (one) => [words(one.textContent)]);
  if (chosen.disabled) throw new Error(`the option "${option}" of "${name}" cannot be chosen`);
  if (!select.multiple) select.value = chosen.value;
  chosen.selected = true;
  changed(select);
};
// Whatever the field is: an option is taken where there are options.
const isChosen = (name) => pick("field", name, all(FIELDS), namesOf).tagName === "SELECT";
const tick = (name, on) => {
  const box = field(name);
  if (box.type !== "checkbox" && box.type !== "radio") throw new Error(`the field "${name}" is no box to tick`);
  if (box.checked !== on) box.click();
};
const refused = () =>
  [...document.querySelectorAll(":invalid")]
    .filter((control) => control.matches("input, select, textarea"))
    .map((control) => `${namesOf(control).find(Boolean)}: ${control.validationMessage}`)
    .join("; ");
