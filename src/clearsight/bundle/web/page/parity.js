// Replays the images of `parity.npz` in this browser, as `clearsight export --check` does.

import { fetchFile } from "./network.js";
import { fitImage } from "./preparation.js";

const TOLERANCES = { float32: 1e-4, int8: 0.05 };
const PIXEL_TOLERANCE = 2;
const DIRECTORY_ENTRY = 0x02014b50;
const DIRECTORY_END = 0x06054b50;
const DIRECTORY_END_BYTES = 22;
const ARRAY_TYPES = { "|u1": Uint8Array, "<f4": Float32Array };

async function inflate(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// NumPy's .npy: a magic string, the length of the header, a Python dict as text, the values.
function parseArray(bytes) {
  const start = 10 + bytes[8] + bytes[9] * 256;
  const header = new TextDecoder().decode(bytes.subarray(10, start));
  const ArrayType = ARRAY_TYPES[/'descr': '([^']+)'/.exec(header)[1]];
  const shape = /'shape': \(([^)]*)\)/
    .exec(header)[1]
    .split(",")
    .filter((word) => word.trim())
    .map(Number);
  return { shape, values: new ArrayType(bytes.slice(start).buffer) };
}

/** Read the arrays of an .npz file, by name. */
export async function readArrays(content) {
  const bytes = new Uint8Array(content);
  const view = new DataView(content);
  const end = bytes.length - DIRECTORY_END_BYTES;
  if (view.getUint32(end, true) !== DIRECTORY_END)
    throw new Error("parity.npz should be an .npz file, but is damaged: export the page again.");
  const arrays = {};
  let at = view.getUint32(end + 16, true);
  for (
    let left = view.getUint16(end + 10, true);
    left > 0 && view.getUint32(at, true) === DIRECTORY_ENTRY;
    left -= 1
  ) {
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((offset) =>
      view.getUint16(at + offset, true),
    );
    const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength));
    const local = view.getUint32(at + 42, true);
    const start = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
    const packed = bytes.subarray(start, start + view.getUint32(at + 20, true));
    const isStored = view.getUint16(at + 10, true) === 0;
    arrays[name.replace(/\.npy$/, "")] = parseArray(isStored ? packed : await inflate(packed));
    at += 46 + nameLength + extraLength + commentLength;
  }
  return arrays;
}

function argmax(values) {
  return values.indexOf(Math.max(...values));
}

function largestDifference(first, second) {
  return first.reduce((most, value, at) => Math.max(most, Math.abs(value - second[at])), 0);
}

/**
 * Compare this browser's results with the trained network's.
 *
 * @param predict the function that `openNetwork` returns.
 * @returns {passes, sentence}.
 */
export async function checkParity(spec, predict) {
  const { images, probabilities, sample, fitted } = await readArrays(await fetchFile("parity.npz"));
  const [numImages, numClasses] = probabilities.shape;
  const imageSize = images.values.length / numImages;
  let [difference, numChanged] = [0, 0];
  for (let index = 0; index < numImages; index += 1) {
    const pixels = images.values.slice(index * imageSize, (index + 1) * imageSize);
    const found = await predict(pixels, 1);
    const expected = probabilities.values.subarray(index * numClasses, (index + 1) * numClasses);
    difference = Math.max(difference, largestDifference(found, expected));
    numChanged += argmax(found) !== argmax(expected) ? 1 : 0;
  }
  const [height, width] = sample.shape;
  const prepared = fitImage({ width, height, pixels: sample.values }, spec.preparation);
  const pixelDifference = largestDifference(prepared, fitted.values);
  const passes =
    difference <= TOLERANCES[spec.precision] &&
    pixelDifference <= PIXEL_TOLERANCE &&
    (numChanged === 0 || spec.precision === "int8");
  const predictions =
    numChanged === 0 ? "all predictions are the same" : `${numChanged} predictions differ`;
  const preparation = pixelDifference === 0 ? "exactly" : `within ${pixelDifference} of 255 levels`;
  const sentence =
    `${numImages} images replayed in this browser: probabilities differ from the trained ` +
    `network's by at most ${difference.toPrecision(1)}, ${predictions}, and the image preparation ` +
    `matches ${preparation}.`;
  return { passes, sentence };
}
