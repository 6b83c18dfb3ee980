// Shows a prediction. Class names may contain anything, so they are only ever set as text.

const MAX_SHOWN = 10;

const list = document.getElementById("classes");
const button = document.getElementById("all");
let showsAll = false;
let latest = null;

export function percent(probability) {
  return `${(100 * probability).toFixed(1)}%`;
}

/** Set the length of a bar. */
export function fillBar(bar, probability) {
  bar.style.setProperty("--probability", `${100 * probability}%`);
  bar.setAttribute("aria-hidden", "true");
}

function row(name, probability) {
  const item = document.createElement("li");
  for (const [className, text] of [
    ["name", name],
    ["probability", percent(probability)],
    ["bar", ""],
  ]) {
    const part = document.createElement("span");
    part.className = className;
    part.textContent = text;
    item.append(part);
  }
  fillBar(item.lastChild, probability);
  return item;
}

function drawList() {
  const rows = showsAll ? latest : latest.slice(0, MAX_SHOWN);
  list.replaceChildren(...rows.map(({ name, probability }) => row(name, probability)));
  document.getElementById("more").hidden = latest.length <= MAX_SHOWN;
  button.textContent = showsAll
    ? `Show the first ${MAX_SHOWN}`
    : `Show all ${latest.length} classes`;
  button.setAttribute("aria-expanded", String(showsAll));
}

button.addEventListener("click", () => {
  showsAll = !showsAll;
  drawList();
});

/** Show no prediction, and why. */
export function hideResult(why) {
  document.getElementById("no-result").textContent = why;
  document.getElementById("no-result").hidden = false;
  document.getElementById("result").hidden = true;
}

/**
 * Show a prediction.
 *
 * @param classNames the name of each class.
 * @param result {probabilities, timing}: of each class, and a sentence.
 */
export function showResult(classNames, { probabilities, timing }) {
  latest = classNames.map((name, label) => ({ name, probability: probabilities[label] }));
  latest.sort((first, second) => second.probability - first.probability);
  const probability = document.createElement("span");
  probability.textContent = `with probability ${percent(latest[0].probability)}`;
  document.getElementById("best").replaceChildren(latest[0].name, " ", probability);
  document.getElementById("timing").textContent = timing;
  document.getElementById("no-result").hidden = true;
  document.getElementById("result").hidden = false;
  drawList();
}
