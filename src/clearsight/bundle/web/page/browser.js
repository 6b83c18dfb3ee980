// The page of an exported bundle: its network runs in this browser.

import { readImage } from "./decoding.js";
import { openNetwork, readSpec } from "./network.js";
import { start } from "./page.js";
import { checkParity } from "./parity.js";
import { fitImage, isOpposite, rangeWarning } from "./preparation.js";

let spec = null;
let predict = null;

function describeBundle() {
  const { source, test_accuracy: accuracy, test_count: count } = spec.provenance;
  const parts = [`${spec.class_names.length} classes`, `trained on ${source}`];
  if (typeof accuracy === "number") {
    parts.push(
      `${(100 * accuracy).toFixed(1)}% of ${count.toLocaleString("en")} test images correct`,
    );
  }
  return `${spec.name}: ${parts.join(", ")}.`;
}

async function open() {
  spec = await readSpec();
  predict = await openNetwork(spec);
  const { polarity } = spec.preparation;
  return [{ name: spec.name, about: describeBundle(), classNames: spec.class_names, polarity }];
}

async function classify(_, file, invert) {
  const { preparation } = spec;
  const started = performance.now();
  const image = await readImage(file, preparation);
  const pixels = fitImage(image, preparation, invert);
  const prepared = performance.now();
  const probabilities = [...(await predict(pixels, 1))];
  const done = performance.now();
  const range = rangeWarning(preparation, file.name || "The image");
  const { width, height, channels } = preparation;
  return {
    probabilities,
    input: { width, height, channels, pixels },
    looksInverted: isOpposite(pixels, preparation),
    warnings: range === null ? image.warnings : [range, ...image.warnings],
    timing:
      `${(prepared - started).toFixed(1)} ms to read and prepare the image, ` +
      `${(done - prepared).toFixed(1)} ms in the network.`,
  };
}

async function check() {
  const result = await checkParity(spec, predict);
  const parity = document.getElementById("parity");
  parity.textContent = result.sentence;
  parity.classList.toggle("problem", !result.passes);
  parity.hidden = false;
}

await start({ open, classify });
if (predict !== null) {
  document.getElementById("check-link").hidden = false;
  if (new URLSearchParams(location.search).has("check")) await check();
}
