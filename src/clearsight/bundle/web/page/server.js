// The page of `clearsight serve`: the server classifies, through its HTTP API.

import { start } from "./page.js";

let token = "";

async function request(address, options = {}) {
  const headers = { ...options.headers };
  if (token) headers.Authorization = `Bearer ${token}`;
  let response;
  try {
    response = await fetch(address, { ...options, headers });
  } catch {
    throw new Error("The server should answer, but does not: is it still running?");
  }
  if (response.status === 401) {
    const error = new Error(
      token ? "This is not the server's token: enter another." : "This server needs a token.",
    );
    error.needsToken = true;
    throw error;
  }
  let values;
  try {
    values = await response.json();
  } catch {
    throw new Error(`The server should answer with JSON, but does not (${response.status}).`);
  }
  if (!response.ok) throw new Error(values.error);
  return values;
}

function describe(model) {
  const parts = [`${model.class_names.length} classes`];
  if (model.test_accuracy !== null) {
    const count = model.test_count.toLocaleString("en");
    parts.push(`${(100 * model.test_accuracy).toFixed(1)}% of ${count} test images correct`);
  }
  return `${model.name}: ${parts.join(", ")}.`;
}

async function open() {
  const { models } = await request("v1/models");
  return models.map((model) => ({
    name: model.name,
    about: describe(model),
    classNames: model.class_names,
    polarity: model.polarity,
  }));
}

function decodeInput({ shape, pixels }) {
  const [height, width, channels] = shape;
  const bytes = Uint8Array.from(atob(pixels), (letter) => letter.charCodeAt(0));
  return { width, height, channels, pixels: bytes };
}

async function classify(model, file, invert) {
  const started = performance.now();
  const address = `v1/models/${encodeURIComponent(model.name)}:predict?invert=${invert}&input=true`;
  const { predictions } = await request(address, {
    method: "POST",
    body: file,
    headers: { "Content-Type": "application/octet-stream" },
  });
  const milliseconds = performance.now() - started;
  const [prediction] = predictions;
  return {
    probabilities: prediction.probabilities,
    input: decodeInput(prediction.input),
    looksInverted: prediction.is_inverted,
    warnings: prediction.warnings,
    timing: `${milliseconds.toFixed(1)} ms from sending the image to its prediction.`,
  };
}

function setToken(text) {
  token = text;
}

start({ open, classify, setToken });
