// The page: an image is chosen, prepared as in training, and classified.

import { takePhotograph } from "./camera.js";
import { readImage } from "./decoding.js";
import { openNetwork, readSpec } from "./network.js";
import { checkParity } from "./parity.js";
import { fitImage, isOpposite, rangeWarning } from "./preparation.js";
import { showResult } from "./result.js";

const element = (id) => document.getElementById(id);
const SMALL = 96; // images up to this size are enlarged without smoothing

let spec = null;
let predict = null;
let current = null; // the chosen image: its pixels, its name, and how long reading them took
let latestRun = 0; // so that a late result does not appear under another image

function showError(error) {
  element("error").textContent = error.message;
  element("error").hidden = false;
}

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

function drawInput(fitted) {
  const { width, height, channels } = spec.preparation;
  const canvas = element("input");
  [canvas.width, canvas.height] = [width, height];
  const image = new ImageData(width, height);
  for (let pixel = 0; pixel < width * height; pixel += 1) {
    for (let channel = 0; channel < 3; channel += 1) {
      image.data[pixel * 4 + channel] = fitted[pixel * channels + (channels === 1 ? 0 : channel)];
    }
    image.data[pixel * 4 + 3] = channels === 4 ? fitted[pixel * channels + 3] : 255;
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
  const colours = { 1: "grey", 3: "colour", 4: "colour with alpha" }[channels];
  element("input-caption").textContent =
    `The network's input: ${width}\u00a0×\u00a0${height}, ${colours}`;
}

function warnOfPolarity(fitted) {
  const looksInverted = isOpposite(fitted, spec.preparation);
  element("polarity-warning").hidden = !looksInverted;
  if (!looksInverted) return;
  const trained = spec.preparation.polarity;
  const found = trained === "light-on-dark" ? "dark on light" : "light on dark";
  element("polarity-warning").textContent =
    `Brightness looks inverted: this image is ${found}, but the network was trained on ` +
    `${trained} images. Try Invert.`;
}

function showFileWarnings() {
  const range = rangeWarning(spec.preparation, current.name);
  const warnings = range === null ? current.image.warnings : [range, ...current.image.warnings];
  const paragraphs = warnings.map((warning) => {
    const paragraph = document.createElement("p");
    paragraph.textContent = warning;
    return paragraph;
  });
  element("file-warnings").replaceChildren(...paragraphs);
}

async function classify() {
  latestRun += 1;
  const run = latestRun;
  const started = performance.now();
  const fitted = fitImage(current.image, spec.preparation, element("invert").checked);
  const prepared = performance.now();
  const probabilities = await predict(fitted, 1);
  const done = performance.now();
  if (run !== latestRun) return;
  drawInput(fitted);
  warnOfPolarity(fitted);
  showFileWarnings();
  element("preview").hidden = false;
  element("invert-option").hidden = false;
  showResult(spec.class_names, [...probabilities], {
    preparation: current.milliseconds + prepared - started,
    network: done - prepared,
  });
}

async function open(file) {
  if (!file || predict === null) return;
  element("error").hidden = true;
  try {
    const started = performance.now();
    const image = await readImage(file, spec.preparation);
    const name = file.name || "The image";
    current = { image, name, milliseconds: performance.now() - started };
    element("invert").checked = false;
    const original = element("original");
    URL.revokeObjectURL(original.src);
    original.src = URL.createObjectURL(file);
    await original.decode();
    original.alt = file.name ? `The image ${file.name}` : "The pasted image";
    original.classList.toggle(
      "small",
      Math.max(original.naturalWidth, original.naturalHeight) <= SMALL,
    );
    const size = `${original.naturalWidth}\u00a0×\u00a0${original.naturalHeight}`;
    element("original-caption").textContent = `${file.name}, ${size}`;
    element("invitation").textContent = "Drop another image here, paste one, or";
    await classify();
  } catch (error) {
    showError(error);
  }
}

function listen() {
  for (const id of ["file", "capture"]) {
    element(id).addEventListener("change", () => {
      open(element(id).files[0]);
      element(id).value = ""; // so that the same file can be chosen again
    });
  }
  element("choose").addEventListener("click", () => element("file").click());
  element("photograph").addEventListener("click", async () => {
    try {
      const file = await takePhotograph();
      if (file === undefined) element("capture").click();
      else await open(file);
    } catch (error) {
      showError(error);
    }
  });
  element("invert").addEventListener("change", () => classify().catch(showError));
  for (const type of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(type, (event) => {
      event.preventDefault();
      element("drop").classList.toggle("over", type === "dragover");
      if (type === "drop") open(event.dataTransfer.files[0]);
    });
  }
  document.addEventListener("paste", (event) => open(event.clipboardData.files[0]));
}

async function start() {
  element("not-started").remove();
  element("app").hidden = false;
  try {
    spec = await readSpec();
    element("about").textContent = describeBundle();
    document.title = `Classify an image: ${spec.name}`;
    predict = await openNetwork(spec);
    element("loading").hidden = true;
    element("check-link").hidden = false;
    listen();
    element("choose").disabled = element("photograph").disabled = false;
    if (new URLSearchParams(location.search).has("check")) {
      const result = await checkParity(spec, predict);
      element("parity").textContent = result.sentence;
      element("parity").classList.toggle("problem", !result.passes);
      element("parity").hidden = false;
    }
  } catch (error) {
    element("loading").hidden = true;
    showError(error);
  }
}

start();
