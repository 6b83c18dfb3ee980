// Pillow's bicubic filter, bit for bit: a browser's own scaling gives other pixels than those that the
// network was trained and tested with.

const SUPPORT = 2;
const PRECISION_BITS = 22; // of the fixed-point weights: 32 - 8 - 2 in Pillow
const A = -0.5; // Pillow's sharpness; many other programs use -0.75

function bicubic(distance) {
  const x = Math.abs(distance);
  if (x < 1) return ((A + 2) * x - (A + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * A;
  return 0;
}

// The weights of a line's `length` pixels, between `from` and `to`, for each of `size` outputs.
function computeWeights(length, from, to, size) {
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
      const scaled = (sum === 0 ? weight : weight / sum) * 2 ** PRECISION_BITS;
      return Math.trunc(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    });
    weights.push({ first, fixed });
  }
  return weights;
}

// Resize the part between `from` and `to` of one axis, "width" or "height".
function resizeAxis(image, axis, size, from, to) {
  const { width, height, channels, pixels } = image;
  const output = { ...image, [axis]: size };
  output.pixels = new Uint8ClampedArray(output.width * output.height * channels);
  const isHorizontal = axis === "width";
  const lines = isHorizontal ? height : width;
  // Strides along the axis, and from line to line.
  const [step, line] = isHorizontal ? [channels, width * channels] : [width * channels, channels];
  const outputLine = isHorizontal ? size * channels : channels;
  const weights = computeWeights(image[axis], from, to, size);
  for (let index = 0; index < lines; index += 1) {
    for (let position = 0; position < size; position += 1) {
      const { first, fixed } = weights[position];
      for (let channel = 0; channel < channels; channel += 1) {
        let sum = 1 << (PRECISION_BITS - 1);
        let at = index * line + first * step + channel;
        for (let tap = 0; tap < fixed.length; tap += 1) {
          sum += pixels[at] * fixed[tap];
          at += step;
        }
        // The clamped array clips.
        output.pixels[index * outputLine + position * step + channel] = sum >> PRECISION_BITS;
      }
    }
  }
  return output;
}

function resample(image, width, height, box) {
  const [left, top, right, bottom] = box.map(Math.fround);
  const horizontally = (before) =>
    width === before.width && left === 0 && right === width
      ? before
      : resizeAxis(before, "width", width, left, right);
  const vertically = (before) =>
    height === before.height && top === 0 && bottom === height
      ? before
      : resizeAxis(before, "height", height, top, bottom);
  // Each pass rounds to 8 bits, so their order matters. This is the order of Pillow 13 and later;
  // earlier versions always resize horizontally first.
  const [lostColumns, lostRows] = [image.width - width, image.height - height];
  const isVerticalFirst = lostRows > 0 && lostRows > 2 * lostColumns;
  return isVerticalFirst
    ? horizontally(vertically(image))
    : vertically(horizontally(image));
}

function multiplyByAlpha(pixels) {
  const output = new Uint8ClampedArray(pixels);
  for (let at = 0; at < output.length; at += 4) {
    for (let channel = 0; channel < 3; channel += 1) {
      const product = output[at + channel] * output[at + 3] + 128;
      output[at + channel] = ((product >> 8) + product) >> 8;
    }
  }
  return output;
}

function divideByAlpha(pixels) {
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
 * Resize the part `box` (left, top, right, bottom) of an image.
 *
 * An image is {width, height, channels, pixels}: 8 bits per value, row by row, channels last.
 */
export function resize(image, width, height, box = [0, 0, image.width, image.height]) {
  const isSame = image.width === width && image.height === height;
  if (isSame && `${box}` === `${[0, 0, width, height]}`) return image;
  if (image.channels !== 4) return resample(image, width, height, box);
  const output = resample(
    { ...image, pixels: multiplyByAlpha(image.pixels) },
    width,
    height,
    box,
  );
  return { ...output, pixels: divideByAlpha(output.pixels) };
}
