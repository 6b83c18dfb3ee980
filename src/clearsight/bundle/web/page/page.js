// The page: images are chosen, a backend classifies them, and the results are shown. `browser.js` and
// `server.js` are the two backends, and the page's entry points.

import { takePhotograph } from "./camera.js";
import { showList, updateList } from "./list.js";
import { hideResult, showResult } from "./result.js";

const element = (id) => document.getElementById(id);
const SMALL = 96; // images up to this size are enlarged without smoothing
const ONE_COLUMN = "(max-width: 44rem)"; // as in style.css

let backend = null;
let model = null;
let chosen = []; // {file, name, url, invert, result, error} of each image
let selected = null; // the one whose details are shown
let latestRun = 0; // so that a late result does not appear among other images

function showError(error) {
  element("error").textContent = error.message;
  element("error").hidden = false;
}

function drawInput({ width, height, channels, pixels }) {
  const canvas = element("input");
  [canvas.width, canvas.height] = [width, height];
  const image = new ImageData(width, height);
  for (let pixel = 0; pixel < width * height; pixel += 1) {
    for (let channel = 0; channel < 3; channel += 1) {
      image.data[pixel * 4 + channel] = pixels[pixel * channels + (channels === 1 ? 0 : channel)];
    }
    image.data[pixel * 4 + 3] = channels === 4 ? pixels[pixel * channels + 3] : 255;
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
  const colours = { 1: "grey", 3: "colour", 4: "colour with alpha" }[channels];
  element("input-caption").textContent =
    `The network's input: ${width}\u00a0×\u00a0${height}, ${colours}`;
}

function warnOfPolarity(looksInverted) {
  element("polarity-warning").hidden = !looksInverted;
  if (!looksInverted) return;
  const found = model.polarity === "light-on-dark" ? "dark on light" : "light on dark";
  element("polarity-warning").textContent =
    `Brightness looks inverted: this image is ${found}, but the network was trained on ` +
    `${model.polarity} images. Try Invert.`;
}

function showFileWarnings(warnings) {
  const paragraphs = warnings.map((warning) => {
    const paragraph = document.createElement("p");
    paragraph.textContent = warning;
    return paragraph;
  });
  element("file-warnings").replaceChildren(...paragraphs);
}

async function showOriginal(item) {
  const original = element("original");
  original.src = item.url;
  original.alt = item.file.name ? `The image ${item.name}` : "The pasted image";
  let size;
  try {
    await original.decode();
    size = `${original.naturalWidth}\u00a0×\u00a0${original.naturalHeight}`;
  } catch {
    size = "which this browser cannot show"; // a server reads more formats than browsers do
  }
  if (item !== selected) return;
  const longest = Math.max(original.naturalWidth, original.naturalHeight);
  original.hidden = longest === 0;
  original.classList.toggle("small", longest <= SMALL);
  element("original-caption").textContent = `${item.name}, ${size}`;
}

/** Show the selected image's result, or its error. */
async function showDetails() {
  const { result, error, invert } = selected;
  element("error").hidden = true;
  if (error !== null) showError(error);
  element("preview").hidden = result === null;
  element("invert-option").hidden = result === null;
  element("invert").checked = invert;
  warnOfPolarity(result !== null && result.looksInverted);
  showFileWarnings(result === null ? [] : result.warnings);
  if (result === null) {
    hideResult(error === null ? "Classifying …" : "None for this image.");
    return;
  }
  element("input-figure").hidden = result.input === null;
  if (result.input !== null) drawInput(result.input);
  await showOriginal(selected);
  if (selected.result === result) showResult(model.classNames, result);
}

function select(item) {
  selected = item;
  updateList(chosen, selected);
  return showDetails();
}

async function selectFromList(item) {
  await select(item);
  if (matchMedia(ONE_COLUMN).matches) element("app").scrollIntoView(); // the list is far below it
}

function withBest(result) {
  const { probabilities } = result;
  const label = probabilities.reduce((best, value, at) => (value > probabilities[best] ? at : best), 0);
  return { ...result, best: model.classNames[label], confidence: probabilities[label] };
}

async function classify(item) {
  const { invert } = item;
  let [result, error] = [null, null];
  try {
    result = withBest(await backend.classify(model, item.file, invert));
  } catch (problem) {
    error = problem;
    if (problem.needsToken) element("token-field").hidden = false;
  }
  if (item.invert !== invert) return; // changed meanwhile, and classified again
  [item.result, item.error] = [result, error];
  if (!chosen.includes(item)) return;
  updateList(chosen, selected);
  if (item === selected) await showDetails();
}

async function classifyAll() {
  latestRun += 1;
  const run = latestRun;
  for (const item of chosen) [item.result, item.error] = [null, null];
  await select(selected);
  for (const item of chosen) {
    await classify(item);
    if (run !== latestRun) return;
  }
}

async function open(files) {
  if (files.length === 0 || model === null) return;
  for (const { url } of chosen) URL.revokeObjectURL(url);
  chosen = [...files].map((file) => {
    const name = file.name || "The image";
    return { file, name, url: URL.createObjectURL(file), invert: false, result: null, error: null };
  });
  [selected] = chosen;
  element("invitation").textContent = "Drop other images here, paste them, or";
  showList(chosen, selectFromList);
  await classifyAll();
}

function listen() {
  for (const id of ["file", "capture"]) {
    element(id).addEventListener("change", () => {
      open([...element(id).files]);
      element(id).value = ""; // so that the same file can be chosen again
    });
  }
  element("choose").addEventListener("click", () => element("file").click());
  element("photograph").addEventListener("click", async () => {
    try {
      const file = await takePhotograph();
      if (file === undefined) element("capture").click();
      else if (file !== null) await open([file]);
    } catch (error) {
      showError(error);
    }
  });
  element("invert").addEventListener("change", () => {
    selected.invert = element("invert").checked;
    classify(selected);
  });
  for (const type of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(type, (event) => {
      event.preventDefault();
      element("drop").classList.toggle("over", type === "dragover");
      if (type === "drop") open(event.dataTransfer.files);
    });
  }
  document.addEventListener("paste", (event) => open(event.clipboardData.files));
}

function useModel(other) {
  model = other;
  element("about").textContent = model.about;
  document.title = `Classify images: ${model.name}`;
  if (selected !== null) classifyAll();
}

/** Fetch the models, or show why not. */
async function connect() {
  element("error").hidden = true;
  element("loading").hidden = false;
  try {
    const models = await backend.open();
    element("token-field").hidden = true;
    element("model-field").hidden = models.length < 2;
    element("model").replaceChildren(...models.map(({ name }) => new Option(name, name)));
    element("model").onchange = () => useModel(models[element("model").selectedIndex]);
    element("choose").disabled = element("photograph").disabled = false;
    useModel(models[0]);
  } catch (error) {
    showError(error);
    element("token-field").hidden = !error.needsToken;
    if (error.needsToken) element("token").focus();
  } finally {
    element("loading").hidden = true;
  }
}

/**
 * Start the page.
 *
 * @param usedBackend {open, classify, setToken}:
 *   `open()` resolves to the models, {name, about, classNames, polarity} each;
 *   `classify(model, file, invert)` to {probabilities, input, looksInverted, warnings, timing}, where
 *   input is {width, height, channels, pixels} or null, and warnings and timing are sentences;
 *   both throw an Error with a message for the user, whose `needsToken` asks for a token;
 *   `setToken(text)` is called with it.
 */
export async function start(usedBackend) {
  backend = usedBackend;
  element("not-started").remove();
  element("app").hidden = false;
  element("token-field").addEventListener("submit", (event) => {
    event.preventDefault();
    backend.setToken(element("token").value);
    connect();
  });
  listen();
  await connect();
}
