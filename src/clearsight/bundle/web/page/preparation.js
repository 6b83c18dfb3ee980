// From an image of any size to the network's input, as `clearsight.data.preparation.preparation` does it.
// Whatever is changed there is to be changed here: tests compare the two pixel by pixel.

import { resize } from "./resize.js";

export const VERSION = 1;

const WEIGHTS = [19595, 38470, 7471]; // ITU-R BT.601 in 16 bits, as Pillow's mode "L"
const BRIGHTNESS = [0.299, 0.587, 0.114];
const MIDDLE_GREY = 127.5;

// Python's and numpy's rounding: halves go to the even number.
function rounded(value) {
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

// Computed in 32-bit floats as Python does, so that halves fall on the same side.
function overGround(pixels, ground) {
  const { fround } = Math;
  const output = new Uint8ClampedArray((pixels.length / 4) * 3);
  for (let from = 0, to = 0; from < pixels.length; from += 4, to += 3) {
    const alpha = fround(pixels[from + 3] / 255);
    const shown = fround(ground * fround(1 - alpha));
    for (let channel = 0; channel < 3; channel += 1) {
      output[to + channel] = rounded(fround(fround(pixels[from + channel] * alpha) + shown));
    }
  }
  return output;
}

function grey(pixels) {
  const output = new Uint8ClampedArray(pixels.length / 3);
  for (let from = 0, to = 0; to < output.length; from += 3, to += 1) {
    const sum =
      pixels[from] * WEIGHTS[0] + pixels[from + 1] * WEIGHTS[1] + pixels[from + 2] * WEIGHTS[2];
    output[to] = (sum + 0x8000) >> 16;
  }
  return output;
}

function inverted(pixels, channels) {
  return pixels.map((value, at) => (channels === 4 && at % 4 === 3 ? value : 255 - value));
}

// The part of an image that ImageOps.fit of Pillow keeps.
function cropBox(image, width, height) {
  const ratio = image.width / image.height;
  const wanted = width / height;
  let [kept, keptRows] = [image.width, image.height];
  if (ratio > wanted) kept = wanted * image.height;
  else if (ratio < wanted) keptRows = image.width / wanted;
  const left = (image.width - kept) * 0.5;
  const top = (image.height - keptRows) * 0.5;
  return [left, top, left + kept, top + keptRows];
}

// Places of the outermost pixels, in the order and as often as `border_pixels` takes them.
function borderPlaces(width, height) {
  const places = [];
  for (let column = 0; column < width; column += 1) {
    places.push(column, (height - 1) * width + column);
  }
  for (let row = 1; row < height - 1; row += 1) {
    places.push(row * width, row * width + width - 1);
  }
  return places;
}

function onCanvas(image, width, height) {
  const { channels, pixels } = image;
  const places = borderPlaces(image.width, image.height);
  const output = new Uint8ClampedArray(width * height * channels);
  for (let channel = 0; channel < channels; channel += 1) {
    const ground = Math.trunc(median(places.map((place) => pixels[place * channels + channel])));
    for (let at = channel; at < output.length; at += channels) output[at] = ground;
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

function brought(image, preparation) {
  const { width, height } = preparation;
  if (image.width === width && image.height === height) return image;
  if (preparation.resize === "stretch") return resize(image, width, height);
  if (preparation.resize === "crop") {
    return resize(image, width, height, cropBox(image, width, height));
  }
  const scale = Math.min(width / image.width, height / image.height);
  const columns = Math.max(rounded(image.width * scale), 1);
  const rows = Math.max(rounded(image.height * scale), 1);
  return onCanvas(resize(image, columns, rows), width, height);
}

/**
 * Bring an image to the network's size and channels.
 *
 * @param image {width, height, pixels}: red, green, blue, alpha, 8 bits each, row by row.
 * @param preparation as `bundle.json` says it.
 * @param invert whether to turn light into dark and back.
 * @returns Uint8Array of height x width x channels.
 */
export function fitImage(image, preparation, invert = false) {
  const { channels, polarity } = preparation;
  let { pixels } = image;
  if (channels !== 4) {
    // An inverted image needs the opposite ground before it is turned over.
    const ground = preparation.alpha_background ?? (polarity === "light-on-dark" ? 0 : 255);
    pixels = overGround(pixels, invert ? 255 - ground : ground);
  }
  if (invert) pixels = inverted(pixels, channels);
  if (channels === 1) pixels = grey(pixels);
  const fitted = brought(
    { width: image.width, height: image.height, channels, pixels },
    preparation,
  );
  return new Uint8Array(fitted.pixels);
}

/** Tell whether a fitted image is dark on light for a light-on-dark network, or the reverse. */
export function isOpposite(fitted, preparation) {
  const { width, height, channels, polarity } = preparation;
  if (polarity === "mixed") return false;
  const brightness = borderPlaces(width, height).map((place) => {
    const at = place * channels;
    if (channels === 1) return fitted[at];
    return BRIGHTNESS.reduce((sum, weight, channel) => sum + weight * fitted[at + channel], 0);
  });
  const found = median(brightness) < MIDDLE_GREY ? "light-on-dark" : "dark-on-light";
  return found !== polarity;
}
