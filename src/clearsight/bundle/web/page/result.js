// Shows a prediction. Class names may contain anything, so they are only ever set as text.

const MAX_SHOWN = 10;

const list = document.getElementById("classes");
const button = document.getElementById("all");
let showsAll = false;
let latest = null;

export function percent(probability) {
  return `${(100 * probability).toFixed(1)}%`;
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
  item.lastChild.style.setProperty("--probability", `${100 * probability}%`);
  item.lastChild.setAttribute("aria-hidden", "true");
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

/**
 * Show a prediction.
 *
 * @param classNames the name of each class.
 * @param probabilities the probability of each class.
 * @param milliseconds {preparation, network}.
 */
export function showResult(classNames, probabilities, milliseconds) {
  latest = classNames.map((name, label) => ({ name, probability: probabilities[label] }));
  latest.sort((first, second) => second.probability - first.probability);
  const probability = document.createElement("span");
  probability.textContent = `with probability ${percent(latest[0].probability)}`;
  document.getElementById("best").replaceChildren(latest[0].name, " ", probability);
  document.getElementById("timing").textContent =
    `${milliseconds.preparation.toFixed(1)} ms to read and prepare the image, ` +
    `${milliseconds.network.toFixed(1)} ms in the network.`;
  document.getElementById("no-result").hidden = true;
  document.getElementById("result").hidden = false;
  drawList();
}
