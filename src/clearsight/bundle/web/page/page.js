// The page: an image comes in, is prepared as in training, and is named.

import { showAnswer } from "./answer.js";
import { photograph } from "./camera.js";
import { readImage } from "./decoding.js";
import { openNetwork, readSpec } from "./network.js";
import { checkParity } from "./parity.js";
import { fitImage, isOpposite } from "./preparation.js";

const part = (id) => document.getElementById(id);
const SMALL = 96; // images up to this many pixels wide are shown pixel by pixel

let spec = null;
let probabilities = null;
let current = null; // the image that is shown: its pixels and how long they took to read
let turn = 0; // counts images, so that an answer that comes late is not shown for another image

function tell(error) {
  part("trouble").textContent = error.message;
  part("trouble").hidden = false;
}

const POLARITY = {
  "light-on-dark": "light things on dark ground",
  "dark-on-light": "dark things on light ground",
};

function about() {
  const { source, test_accuracy: accuracy, test_count: count } = spec.provenance;
  const words = [`${spec.class_names.length} classes`, `learned from ${source}`];
  if (typeof accuracy === "number") {
    words.push(
      `${(100 * accuracy).toFixed(1)}% of ${count.toLocaleString("en")} test images named rightly`,
    );
  }
  return `${spec.name}: ${words.join(", ")}.`;
}

function drawSeen(fitted) {
  const { width, height, channels } = spec.preparation;
  const canvas = part("seen");
  [canvas.width, canvas.height] = [width, height];
  const image = new ImageData(width, height);
  for (let place = 0; place < width * height; place += 1) {
    for (let channel = 0; channel < 3; channel += 1) {
      image.data[place * 4 + channel] = fitted[place * channels + (channels === 1 ? 0 : channel)];
    }
    image.data[place * 4 + 3] = channels === 4 ? fitted[place * channels + 3] : 255;
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
  const kind = { 1: "grey", 3: "in colour", 4: "in colour with alpha" }[channels];
  part("seen-caption").textContent =
    `As the network sees it: ${width}\u00a0×\u00a0${height}, ${kind}`;
}

function warn(fitted) {
  const isTurned = isOpposite(fitted, spec.preparation);
  part("opposite").hidden = !isTurned;
  if (!isTurned) return;
  const learned = POLARITY[spec.preparation.polarity];
  const other = Object.values(POLARITY).find((words) => words !== learned);
  part("opposite").textContent =
    `This image shows ${other}, but the network has learned from ${learned}: invert it.`;
}

async function name() {
  turn += 1;
  const mine = turn;
  const started = performance.now();
  const fitted = fitImage(current.image, spec.preparation, part("invert").checked);
  const prepared = performance.now();
  const shares = await probabilities(fitted, 1);
  const done = performance.now();
  if (mine !== turn) return;
  drawSeen(fitted);
  warn(fitted);
  part("shown").hidden = false;
  part("inverting").hidden = false;
  showAnswer(spec.class_names, [...shares], {
    preparation: current.milliseconds + prepared - started,
    network: done - prepared,
  });
}

async function take(file) {
  if (!file || probabilities === null) return;
  part("trouble").hidden = true;
  try {
    const started = performance.now();
    const image = await readImage(file, spec.preparation);
    current = { image, milliseconds: performance.now() - started };
    part("invert").checked = false;
    const original = part("original");
    URL.revokeObjectURL(original.src);
    original.src = URL.createObjectURL(file);
    await original.decode();
    original.alt = `The image ${file.name || "that was pasted"}`;
    original.classList.toggle(
      "small",
      Math.max(original.naturalWidth, original.naturalHeight) <= SMALL,
    );
    const size = `${original.naturalWidth}\u00a0×\u00a0${original.naturalHeight}`;
    part("original-caption").textContent = `${file.name}, ${size}`;
    part("invitation").textContent = "Drop another image here, paste one, or";
    await name();
  } catch (error) {
    tell(error);
  }
}

function listen() {
  for (const id of ["file", "capture"]) {
    part(id).addEventListener("change", () => {
      take(part(id).files[0]);
      part(id).value = ""; // so that the same file may be chosen again
    });
  }
  part("choose").addEventListener("click", () => part("file").click());
  part("photograph").addEventListener("click", async () => {
    try {
      const file = await photograph();
      if (file === undefined) part("capture").click();
      else await take(file);
    } catch (error) {
      tell(error);
    }
  });
  part("invert").addEventListener("change", () => name().catch(tell));
  for (const kind of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(kind, (event) => {
      event.preventDefault();
      part("drop").classList.toggle("over", kind === "dragover");
      if (kind === "drop") take(event.dataTransfer.files[0]);
    });
  }
  document.addEventListener("paste", (event) => take(event.clipboardData.files[0]));
}

async function start() {
  part("closed").remove();
  part("work").hidden = false;
  try {
    spec = await readSpec();
    part("about").textContent = about();
    document.title = `Name an image: ${spec.name}`;
    probabilities = await openNetwork(spec);
    part("loading").hidden = true;
    part("checking").hidden = false;
    listen();
    part("choose").disabled = part("photograph").disabled = false;
    if (new URLSearchParams(location.search).has("check")) {
      const result = await checkParity(spec, probabilities);
      part("parity").textContent = result.sentence;
      part("parity").classList.toggle("problem", !result.isRight);
      part("parity").hidden = false;
    }
  } catch (error) {
    part("loading").hidden = true;
    tell(error);
  }
}

start();
