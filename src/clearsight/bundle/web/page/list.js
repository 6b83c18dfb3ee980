// The list of several images, each a button that shows its details.

import { fillBar, percent } from "./result.js";

const section = document.getElementById("images");
const list = document.getElementById("list");

function part(tag, className) {
  const created = document.createElement(tag);
  created.className = className;
  return created;
}

function entry(item, select) {
  const button = part("button", "entry");
  button.type = "button";
  const image = part("img", "thumbnail");
  [image.src, image.alt, image.loading] = [item.url, "", "lazy"];
  image.addEventListener("error", () => image.classList.add("unknown"));
  const name = part("span", "name");
  name.textContent = item.name;
  button.append(image, name, part("span", "outcome"), part("span", "bar"));
  button.addEventListener("click", () => select(item));
  const row = document.createElement("li");
  row.append(button);
  return row;
}

function hasRemarks(result) {
  return result !== null && (result.looksInverted || result.warnings.length > 0);
}

/** Show these images, unless there is only one. select: called with the one that is clicked. */
export function showList(items, select) {
  section.hidden = items.length < 2;
  list.replaceChildren(...(section.hidden ? [] : items.map((item) => entry(item, select))));
}

/** Show the results that there are, and which image is selected. */
export function updateList(items, selected) {
  if (section.hidden) return;
  [...list.children].forEach((row, index) => {
    const { result, error } = items[index];
    const [, , outcome, bar] = row.firstChild.children;
    row.firstChild.setAttribute("aria-current", String(items[index] === selected));
    outcome.classList.toggle("warning", error !== null || hasRemarks(result));
    if (error !== null) outcome.textContent = "Not classified";
    else if (result === null) outcome.textContent = "…";
    else outcome.textContent = `${result.best}, ${percent(result.confidence)}`;
    fillBar(bar, result === null ? 0 : result.confidence);
  });
  const failed = items.filter(({ error }) => error !== null).length;
  const done = items.filter(({ result }) => result !== null).length;
  const count = items.length.toLocaleString("en");
  document.getElementById("progress").textContent =
    `${done.toLocaleString("en")} of ${count} classified` +
    (failed > 0 ? `, ${failed.toLocaleString("en")} could not be.` : ".");
}
