// Replaying the images of `parity.npz` in this browser, as `clearsight export --check` does.

import { fetched } from "./network.js";
import { fitImage } from "./preparation.js";

const TOLERANCES = { float32: 1e-4, int8: 0.05 };
const PIXEL_TOLERANCE = 2;
const DIRECTORY_ENTRY = 0x02014b50;
const DIRECTORY_END = 0x06054b50;
const DIRECTORY_END_BYTES = 22;
const KINDS = { "|u1": Uint8Array, "<f4": Float32Array };

async function inflated(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// NumPy's .npy: a magic, the length of the header, a Python dict as text, the values.
function arrayOf(bytes) {
  const start = 10 + bytes[8] + bytes[9] * 256;
  const header = new TextDecoder().decode(bytes.subarray(10, start));
  const kind = KINDS[/'descr': '([^']+)'/.exec(header)[1]];
  const shape = /'shape': \(([^)]*)\)/
    .exec(header)[1]
    .split(",")
    .filter((word) => word.trim())
    .map(Number);
  return { shape, values: new kind(bytes.slice(start).buffer) };
}

/** Read the arrays of an .npz file, by name. */
export async function readArrays(content) {
  const bytes = new Uint8Array(content);
  const view = new DataView(content);
  const end = bytes.length - DIRECTORY_END_BYTES;
  if (view.getUint32(end, true) !== DIRECTORY_END)
    throw new Error("parity.npz should be a .npz file, but is damaged: export the page again.");
  const arrays = {};
  let at = view.getUint32(end + 16, true);
  for (
    let left = view.getUint16(end + 10, true);
    left > 0 && view.getUint32(at, true) === DIRECTORY_ENTRY;
    left -= 1
  ) {
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((place) =>
      view.getUint16(at + place, true),
    );
    const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength));
    const local = view.getUint32(at + 42, true);
    const start = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
    const packed = bytes.subarray(start, start + view.getUint32(at + 20, true));
    const isStored = view.getUint16(at + 10, true) === 0;
    arrays[name.replace(/\.npy$/, "")] = arrayOf(isStored ? packed : await inflated(packed));
    at += 46 + nameLength + extraLength + commentLength;
  }
  return arrays;
}

function best(values) {
  return values.indexOf(Math.max(...values));
}

function largestDifference(first, second) {
  return first.reduce((most, value, at) => Math.max(most, Math.abs(value - second[at])), 0);
}

/**
 * Compare this browser with what the trained network gave.
 *
 * @returns {isRight, numImages, difference, numNamedOtherwise, pixelDifference, sentence}.
 */
export async function checkParity(spec, probabilities) {
  const {
    images,
    probabilities: expected,
    sample,
    fitted,
  } = await readArrays(await fetched("parity.npz"));
  const [numImages, numClasses] = expected.shape;
  const pixelsEach = images.values.length / numImages;
  let [difference, numNamedOtherwise] = [0, 0];
  for (let index = 0; index < numImages; index += 1) {
    const pixels = images.values.slice(index * pixelsEach, (index + 1) * pixelsEach);
    const found = await probabilities(pixels, 1);
    const wanted = expected.values.subarray(index * numClasses, (index + 1) * numClasses);
    difference = Math.max(difference, largestDifference(found, wanted));
    numNamedOtherwise += best(found) !== best(wanted) ? 1 : 0;
  }
  const [height, width] = sample.shape;
  const prepared = fitImage({ width, height, pixels: sample.values }, spec.preparation);
  const pixelDifference = largestDifference(prepared, fitted.values);
  const isRight =
    difference <= TOLERANCES[spec.precision] &&
    pixelDifference <= PIXEL_TOLERANCE &&
    (numNamedOtherwise === 0 || spec.precision === "int8");
  const sentence =
    `${numImages} images replayed in this browser: the probabilities differ by ` +
    `${difference.toPrecision(1)} at most from those that the trained network gave, ` +
    `${numNamedOtherwise === 0 ? "the names are the same" : `${numNamedOtherwise} are named otherwise`}, ` +
    `and an image is prepared ${pixelDifference === 0 ? "to the very pixels" : `within ${pixelDifference} levels of 255`}.`;
  return { isRight, numImages, difference, numNamedOtherwise, pixelDifference, sentence };
}
