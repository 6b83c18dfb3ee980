// Turns an image of any size into the network's input, as `clearsight.data.preparation.preparation`
// does. Change both together: tests compare them pixel by pixel.

import { resize } from "./resize.js";

export const VERSION = 1;

const WEIGHTS = [19595, 38470, 7471]; // ITU-R BT.601 in 16 bits, as Pillow's mode "L"
const BRIGHTNESS = [0.299, 0.587, 0.114];
const MIDDLE_GREY = 127.5;
const STANDARD_RANGES = [[0, 1], [-1, 1], [0, 255], [0, 4095], [0, 65535]];

// Round half to even, as Python and NumPy do.
function round(value) {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}

function median(values) {
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

// Blend RGBA over a background. In 32-bit floats as in Python, so that halves are rounded as there.
function blendOver(pixels, background) {
  const { fround } = Math;
  const output = new Uint8ClampedArray((pixels.length / 4) * 3);
  for (let from = 0, to = 0; from < pixels.length; from += 4, to += 3) {
    const alpha = fround(pixels[from + 3] / 255);
    const behind = fround(background * fround(1 - alpha));
    for (let channel = 0; channel < 3; channel += 1) {
      output[to + channel] = round(fround(fround(pixels[from + channel] * alpha) + behind));
    }
  }
  return output;
}

function toGrey(pixels) {
  const output = new Uint8ClampedArray(pixels.length / 3);
  for (let from = 0, to = 0; to < output.length; from += 3, to += 1) {
    const sum =
      pixels[from] * WEIGHTS[0] + pixels[from + 1] * WEIGHTS[1] + pixels[from + 2] * WEIGHTS[2];
    output[to] = (sum + 0x8000) >> 16;
  }
  return output;
}

function invertPixels(pixels, channels) {
  return pixels.map((value, at) => (channels === 4 && at % 4 === 3 ? value : 255 - value));
}

// The part of an image that Pillow's ImageOps.fit keeps.
function cropBox(image, width, height) {
  const ratio = image.width / image.height;
  const targetRatio = width / height;
  let [columns, rows] = [image.width, image.height];
  if (ratio > targetRatio) columns = targetRatio * image.height;
  else if (ratio < targetRatio) rows = image.width / targetRatio;
  const left = (image.width - columns) * 0.5;
  const top = (image.height - rows) * 0.5;
  return [left, top, left + columns, top + rows];
}

// Indices of the outermost pixels, in the order and as often as `border_pixels` takes them.
function borderIndices(width, height) {
  const indices = [];
  for (let column = 0; column < width; column += 1) {
    indices.push(column, (height - 1) * width + column);
  }
  for (let row = 1; row < height - 1; row += 1) {
    indices.push(row * width, row * width + width - 1);
  }
  return indices;
}

// Pad with the median colour of the border.
function pad(image, width, height) {
  const { channels, pixels } = image;
  const border = borderIndices(image.width, image.height);
  const output = new Uint8ClampedArray(width * height * channels);
  for (let channel = 0; channel < channels; channel += 1) {
    const colour = Math.trunc(median(border.map((index) => pixels[index * channels + channel])));
    for (let at = channel; at < output.length; at += channels) output[at] = colour;
  }
  const left = Math.floor((width - image.width) / 2);
  const top = Math.floor((height - image.height) / 2);
  const line = image.width * channels;
  for (let row = 0; row < image.height; row += 1) {
    output.set(
      pixels.subarray(row * line, (row + 1) * line),
      ((top + row) * width + left) * channels,
    );
  }
  return { width, height, channels, pixels: output };
}

function resizeTo(image, preparation) {
  const { width, height } = preparation;
  if (image.width === width && image.height === height) return image;
  if (preparation.resize === "stretch") return resize(image, width, height);
  if (preparation.resize === "crop") {
    return resize(image, width, height, cropBox(image, width, height));
  }
  const scale = Math.min(width / image.width, height / image.height);
  const columns = Math.max(round(image.width * scale), 1);
  const rows = Math.max(round(image.height * scale), 1);
  return pad(resize(image, columns, rows), width, height);
}

/**
 * Resize and convert an image to the network's size and channels.
 *
 * @param image {width, height, pixels}: red, green, blue, alpha, 8 bits each, row by row.
 * @param preparation the entry of `bundle.json`.
 * @param invert whether to invert brightness.
 * @returns Uint8Array of height x width x channels.
 */
export function fitImage(image, preparation, invert = false) {
  const { channels, polarity } = preparation;
  let { pixels } = image;
  if (channels !== 4) {
    // The background is inverted together with the image.
    const background =
      preparation.alpha_background ?? (polarity === "light-on-dark" ? 0 : 255);
    pixels = blendOver(pixels, invert ? 255 - background : background);
  }
  if (invert) pixels = invertPixels(pixels, channels);
  if (channels === 1) pixels = toGrey(pixels);
  const fitted = resizeTo(
    { width: image.width, height: image.height, channels, pixels },
    preparation,
  );
  return new Uint8Array(fitted.pixels);
}

/**
 * Return a sentence if an image of 8 bits is unlike those that the network was trained on, or null.
 * A browser reads no others; see `readImage`.
 */
export function rangeWarning(preparation, name) {
  const range = preparation.pixel_range ?? null;
  if (range === null) return null;
  if (STANDARD_RANGES.some(([low, high]) => low === range[0] && high === range[1])) return null;
  return (
    `${name} has 8 bits, but the network was trained on values from ${range[0]} to ${range[1]}: ` +
    "the values 0 to 255 were used as they are."
  );
}

/** Check whether a fitted image is dark on light for a light-on-dark network, or the reverse. */
export function isOpposite(fitted, preparation) {
  const { width, height, channels, polarity } = preparation;
  if (polarity === "mixed") return false;
  const brightness = borderIndices(width, height).map((index) => {
    const at = index * channels;
    if (channels === 1) return fitted[at];
    return BRIGHTNESS.reduce((sum, weight, channel) => sum + weight * fitted[at + channel], 0);
  });
  const found = median(brightness) < MIDDLE_GREY ? "light-on-dark" : "dark-on-light";
  return found !== polarity;
}
