// Pillow's bicubic filter, bit for bit: a browser's own scaling gives other pixels, and so other
// answers, than the ones that the network was trained and tested with.

const SUPPORT = 2;
const PRECISION_BITS = 22; // of the fixed-point weights: Pillow's 32 - 8 - 2
const A = -0.5; // Pillow's sharpness; many others take -0.75

function bicubic(distance) {
  const x = Math.abs(distance);
  if (x < 1) return ((A + 2) * x - (A + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * A;
  return 0;
}

// What each of `size` outputs takes of a line of `length` pixels, between `from` and `to`.
function weightsOf(length, from, to, size) {
  const scale = Math.fround(to - from) / size;
  const filterScale = Math.max(scale, 1);
  const support = SUPPORT * filterScale;
  const weights = [];
  for (let output = 0; output < size; output += 1) {
    const center = from + (output + 0.5) * scale;
    const first = Math.max(Math.trunc(center - support + 0.5), 0);
    const end = Math.min(Math.trunc(center + support + 0.5), length);
    const exact = new Float64Array(end - first);
    let sum = 0;
    for (let index = 0; index < exact.length; index += 1) {
      exact[index] = bicubic((index + first - center + 0.5) * (1 / filterScale));
      sum += exact[index];
    }
    const fixed = Int32Array.from(exact, (weight) => {
      const share = (sum === 0 ? weight : weight / sum) * 2 ** PRECISION_BITS;
      return Math.trunc(share < 0 ? share - 0.5 : share + 0.5);
    });
    weights.push({ first, fixed });
  }
  return weights;
}

// Bring one axis, "width" or "height", to a size; `from` and `to` are the part of it that is taken.
function pass(image, axis, size, from, to) {
  const { width, height, channels, pixels } = image;
  const output = { ...image, [axis]: size };
  output.pixels = new Uint8ClampedArray(output.width * output.height * channels);
  const isAcross = axis === "width";
  const lines = isAcross ? height : width;
  // How far apart values lie: along the axis, and from line to line.
  const [step, line] = isAcross ? [channels, width * channels] : [width * channels, channels];
  const outputLine = isAcross ? size * channels : channels;
  const weights = weightsOf(image[axis], from, to, size);
  for (let index = 0; index < lines; index += 1) {
    for (let place = 0; place < size; place += 1) {
      const { first, fixed } = weights[place];
      for (let channel = 0; channel < channels; channel += 1) {
        let sum = 1 << (PRECISION_BITS - 1);
        let at = index * line + first * step + channel;
        for (let tap = 0; tap < fixed.length; tap += 1) {
          sum += pixels[at] * fixed[tap];
          at += step;
        }
        // A clamped array clips.
        output.pixels[index * outputLine + place * step + channel] = sum >> PRECISION_BITS;
      }
    }
  }
  return output;
}

function resampled(image, width, height, box) {
  const [left, top, right, bottom] = box.map(Math.fround);
  const across = (before) =>
    width === before.width && left === 0 && right === width
      ? before
      : pass(before, "width", width, left, right);
  const down = (before) =>
    height === before.height && top === 0 && bottom === height
      ? before
      : pass(before, "height", height, top, bottom);
  // Each pass rounds to 8 bits, so that their order shows. This is Pillow's since its version 13; the
  // ones before it always go across first.
  const [lostColumns, lostRows] = [image.width - width, image.height - height];
  const isDownFirst = lostRows > 0 && lostRows > 2 * lostColumns;
  return isDownFirst ? across(down(image)) : down(across(image));
}

function premultiplied(pixels) {
  const output = new Uint8ClampedArray(pixels);
  for (let at = 0; at < output.length; at += 4) {
    for (let channel = 0; channel < 3; channel += 1) {
      const product = output[at + channel] * output[at + 3] + 128;
      output[at + channel] = ((product >> 8) + product) >> 8;
    }
  }
  return output;
}

function divided(pixels) {
  for (let at = 0; at < pixels.length; at += 4) {
    const alpha = pixels[at + 3];
    if (alpha === 0 || alpha === 255) continue;
    for (let channel = 0; channel < 3; channel += 1) {
      pixels[at + channel] = Math.trunc((255 * pixels[at + channel]) / alpha);
    }
  }
  return pixels;
}

/**
 * Return the part `box` (left, top, right, bottom) of an image at another size.
 *
 * An image is {width, height, channels, pixels}: 8 bits a value, row by row, channels last.
 */
export function resize(image, width, height, box = [0, 0, image.width, image.height]) {
  const isSame = image.width === width && image.height === height;
  if (isSame && `${box}` === `${[0, 0, width, height]}`) return image;
  if (image.channels !== 4) return resampled(image, width, height, box);
  const output = resampled(
    { ...image, pixels: premultiplied(image.pixels) },
    width,
    height,
    box,
  );
  return { ...output, pixels: divided(output.pixels) };
}
