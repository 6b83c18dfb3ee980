// Reads an image file into upright pixels, as `clearsight.data.preparation.read_image` does. The
// browser decodes; colour management and alpha premultiplication are switched off.

import { hasMoreFrames } from "./frames.js";
import { readJpegFacts } from "./jpeg.js";

const MAX_PIXELS = 50_000_000;
const MAX_JPEG_PIXELS = 178_000_000;
const DRAFT_FACTOR = 2;
const STRIP_PIXELS = 2 ** 22; // some browsers have no canvas as large as a photograph

// The factor by which Python's JPEG decoder shrinks the image: see `_draft` there.
function draftFactor(facts, bitmap, preparation) {
  if (!facts.isDrafted) return 1;
  const minSide = DRAFT_FACTOR * Math.max(preparation.width, preparation.height);
  const shortSide = Math.min(bitmap.width, bitmap.height);
  if (shortSide < 2 * minSide) return 1;
  return [8, 4, 2, 1].find((factor) => Math.floor(shortSide / minSide) >= factor);
}

// Whether an image may have more than 8 bits per value: a 16-bit PNG file, or a TIFF file.
function mayBeDeep(bytes) {
  const start = String.fromCharCode(...bytes.subarray(0, 4));
  return (start === "\x89PNG" && bytes[24] === 16) || start === "II*\0" || start === "MM\0*";
}

// Browsers reduce 16 bits to 8 by the full range, which is right only if the network was trained so.
function checkDepth(bytes, preparation, name) {
  const range = preparation.pixel_range ?? null;
  if (range === null || (range[0] === 0 && range[1] === 65535) || !mayBeDeep(bytes)) return;
  throw new Error(
    `${name} should be converted by the network's own range, ${range[0]} to ${range[1]}, but ` +
      "browsers reduce every image to 8 bits: use `clearsight predict` for it.",
  );
}

async function decode(file) {
  try {
    return await createImageBitmap(file, {
      colorSpaceConversion: "none",
      premultiplyAlpha: "none",
    });
  } catch {
    return createImageBitmap(file); // the browser lacks these options, or this is not an image
  }
}

// Call `handle` with the pixels of some rows at a time.
function forEachStrip(bitmap, handle) {
  const rows = Math.max(Math.floor(STRIP_PIXELS / bitmap.width), 1);
  const canvas = document.createElement("canvas");
  canvas.width = bitmap.width;
  canvas.height = Math.min(rows, bitmap.height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.imageSmoothingEnabled = false;
  for (let top = 0; top < bitmap.height; top += rows) {
    const height = Math.min(rows, bitmap.height - top);
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.drawImage(bitmap, 0, -top);
    handle(context.getImageData(0, 0, bitmap.width, height).data, top, height);
  }
}

function readPixels(bitmap) {
  const pixels = new Uint8ClampedArray(bitmap.width * bitmap.height * 4);
  forEachStrip(bitmap, (strip, top) => pixels.set(strip, top * bitmap.width * 4));
  return { width: bitmap.width, height: bitmap.height, pixels };
}

// Average blocks, as libjpeg does when it decodes at 1/2, 1/4 or 1/8. Its blocks start at the file's
// own first pixel, which in a rotated image is another corner.
function readShrunkPixels(bitmap, factor, corner) {
  const width = Math.ceil(bitmap.width / factor);
  const height = Math.ceil(bitmap.height / factor);
  const left = corner.isRight ? width * factor - bitmap.width : 0;
  const above = corner.isBottom ? height * factor - bitmap.height : 0;
  const sums = new Float64Array(width * height * 4); // the alpha channel counts the pixels added
  forEachStrip(bitmap, (strip, top, rows) => {
    for (let row = 0; row < rows; row += 1) {
      const line = Math.floor((top + row + above) / factor) * width;
      for (let column = 0; column < bitmap.width; column += 1) {
        const from = (row * bitmap.width + column) * 4;
        const to = (line + Math.floor((column + left) / factor)) * 4;
        sums[to] += strip[from];
        sums[to + 1] += strip[from + 1];
        sums[to + 2] += strip[from + 2];
        sums[to + 3] += 1;
      }
    }
  });
  const pixels = new Uint8ClampedArray(sums.length);
  for (let at = 0; at < sums.length; at += 4) {
    for (let channel = 0; channel < 3; channel += 1)
      pixels[at + channel] = sums[at + channel] / sums[at + 3];
    pixels[at + 3] = 255;
  }
  return { width, height, pixels };
}

/**
 * Read an image file.
 *
 * @param file a Blob.
 * @param preparation the entry of `bundle.json`, with the size that the image will get.
 * @returns {width, height, pixels, warnings}: pixels are red, green, blue, alpha, 8 bits each, row by
 *   row; warnings are sentences about what was left out, as in Python.
 * @throws Error with a message for the user.
 */
export async function readImage(file, preparation) {
  const name = file.name || "The image";
  const start = new Uint8Array(await file.slice(0, 2 ** 18).arrayBuffer());
  checkDepth(start, preparation, name);
  const facts = readJpegFacts(start);
  let bitmap;
  try {
    bitmap = await decode(file);
  } catch {
    throw new Error(
      `${name} should be an image that this browser can show (PNG, JPEG, WebP, BMP or GIF), but is ` +
        "another kind of file, or damaged: choose another.",
    );
  }
  try {
    const maxPixels = facts.isDrafted ? MAX_JPEG_PIXELS : MAX_PIXELS;
    if (bitmap.width * bitmap.height > maxPixels) {
      throw new Error(
        `${name} should have at most ${maxPixels.toLocaleString("en")} pixels, but has ` +
          `${bitmap.width} × ${bitmap.height}: shrink it first.`,
      );
    }
    const factor = draftFactor(facts, bitmap, preparation);
    const image =
      factor === 1 ? readPixels(bitmap) : readShrunkPixels(bitmap, factor, facts.corner);
    const warnings = [];
    if (hasMoreFrames(new Uint8Array(await file.arrayBuffer())))
      warnings.push(`${name} has several frames or pages, of which only the first was used.`);
    return { ...image, warnings };
  } finally {
    bitmap.close();
  }
}
