// From an image file to its pixels, upright, as `clearsight.data.preparation.read_image` reads it. The browser
// decodes; what else happens to pixels on the way to a canvas is kept from happening.

import { jpegFacts } from "./jpeg.js";

const MOST_PIXELS = 50_000_000;
const MOST_JPEG_PIXELS = 178_000_000;
const DRAFT_FACTOR = 2;
const STRIP_PIXELS = 2 ** 22; // read at once: some browsers take no canvas of a whole photograph

// By how much Python has a JPEG file made smaller while it is unpacked: see `_draft` there.
function shrinkOf(facts, bitmap, preparation) {
  if (!facts.isDrafted) return 1;
  const least = DRAFT_FACTOR * Math.max(preparation.width, preparation.height);
  const shortest = Math.min(bitmap.width, bitmap.height);
  if (shortest < 2 * least) return 1;
  return [8, 4, 2, 1].find((factor) => Math.floor(shortest / least) >= factor);
}

async function decoded(file) {
  try {
    return await createImageBitmap(file, {
      colorSpaceConversion: "none",
      premultiplyAlpha: "none",
    });
  } catch {
    return createImageBitmap(file); // a browser without these options, or no image
  }
}

// Hand over an image's rows, some at a time.
function eachStrip(bitmap, take) {
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
    take(context.getImageData(0, 0, bitmap.width, height).data, top, height);
  }
}

function wholeImage(bitmap) {
  const pixels = new Uint8ClampedArray(bitmap.width * bitmap.height * 4);
  eachStrip(bitmap, (strip, top) => pixels.set(strip, top * bitmap.width * 4));
  return { width: bitmap.width, height: bitmap.height, pixels };
}

// The mean of each block: what libjpeg gives when it unpacks at a half, a quarter or an eighth. Its
// blocks begin where the file does, which in a turned image is another corner.
function shrunkImage(bitmap, factor, corner) {
  const width = Math.ceil(bitmap.width / factor);
  const height = Math.ceil(bitmap.height / factor);
  const left = corner.isRight ? width * factor - bitmap.width : 0;
  const above = corner.isBottom ? height * factor - bitmap.height : 0;
  const sums = new Float64Array(width * height * 4); // alpha's place holds how many were added
  eachStrip(bitmap, (strip, top, rows) => {
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
 * @param preparation what it will be made smaller to, as `bundle.json` says it.
 * @returns {width, height, pixels}: red, green, blue, alpha, 8 bits each, row by row.
 * @throws Error with a sentence for the reader.
 */
export async function readImage(file, preparation) {
  const name = file.name || "The image";
  const facts = jpegFacts(new Uint8Array(await file.slice(0, 2 ** 18).arrayBuffer()));
  let bitmap;
  try {
    bitmap = await decoded(file);
  } catch {
    throw new Error(
      `${name} should be an image that this browser shows (PNG, JPEG, WebP, BMP or GIF), but is ` +
        "another file or damaged: choose another.",
    );
  }
  try {
    const most = facts.isDrafted ? MOST_JPEG_PIXELS : MOST_PIXELS;
    if (bitmap.width * bitmap.height > most) {
      throw new Error(
        `${name} should have at most ${most.toLocaleString("en")} pixels, but has ${bitmap.width} × ` +
          `${bitmap.height}: make it smaller first.`,
      );
    }
    const shrink = shrinkOf(facts, bitmap, preparation);
    return shrink === 1 ? wholeImage(bitmap) : shrunkImage(bitmap, shrink, facts.corner);
  } finally {
    bitmap.close();
  }
}
