// Showing what the network says. Names of classes may hold anything and are only ever text.

const MOST_SHOWN = 10;

const list = document.getElementById("classes");
const button = document.getElementById("all");
let isWhole = false;
let latest = null;

export function percent(share) {
  return `${(100 * share).toFixed(1)}%`;
}

function row(name, share) {
  const item = document.createElement("li");
  for (const [kind, text] of [
    ["name", name],
    ["share", percent(share)],
    ["bar", ""],
  ]) {
    const part = document.createElement("span");
    part.className = kind;
    part.textContent = text;
    item.append(part);
  }
  item.lastChild.style.setProperty("--share", `${100 * share}%`);
  item.lastChild.setAttribute("aria-hidden", "true");
  return item;
}

function drawList() {
  const shown = isWhole ? latest : latest.slice(0, MOST_SHOWN);
  list.replaceChildren(...shown.map(({ name, share }) => row(name, share)));
  document.getElementById("more").hidden = latest.length <= MOST_SHOWN;
  button.textContent = isWhole
    ? `Show the first ${MOST_SHOWN}`
    : `Show all ${latest.length} classes`;
  button.setAttribute("aria-expanded", String(isWhole));
}

button.addEventListener("click", () => {
  isWhole = !isWhole;
  drawList();
});

/**
 * Show an answer.
 *
 * @param names of the classes.
 * @param shares the probability of each.
 * @param seconds {preparation, network}, each in milliseconds.
 */
export function showAnswer(names, shares, milliseconds) {
  latest = names.map((name, label) => ({ name, share: shares[label] }));
  latest.sort((first, second) => second.share - first.share);
  const sure = document.createElement("span");
  sure.textContent = `with probability ${percent(latest[0].share)}`;
  document.getElementById("best").replaceChildren(latest[0].name, " ", sure);
  document.getElementById("timing").textContent =
    `${milliseconds.preparation.toFixed(1)} ms to read and prepare the image, ` +
    `${milliseconds.network.toFixed(1)} ms in the network.`;
  document.getElementById("nothing").hidden = true;
  document.getElementById("answer").hidden = false;
  drawList();
}
