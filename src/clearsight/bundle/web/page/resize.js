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

// One pass. Outputs lie `outputStep` apart on each of `lines` lines, inputs `inputStep`.
function pass(input, output, weights, lines, inputStep, outputStep, inputLine, outputLine, channels) {
  const half = 1 << (PRECISION_BITS - 1);
  for (let line = 0; line < lines; line += 1) {
    for (let place = 0; place < weights.length; place += 1) {
      const { first, fixed } = weights[place];
      const from = line * inputLine + first * inputStep;
      const to = line * outputLine + place * outputStep;
      for (let channel = 0; channel < channels; channel += 1) {
        let sum = half;
        let at = from + channel;
        for (let index = 0; index < fixed.length; index += 1) {
          sum += input[at] * fixed[index];
          at += inputStep;
        }
        output[to + channel] = sum >> PRECISION_BITS; // a clamped array clips
      }
    }
  }
}

function resampled(picture, width, height, box) {
  let { width: columns, height: rows, pixels } = picture;
  const { channels } = picture;
  const [left, top, right, bottom] = box.map(Math.fround);
  if (width !== columns || left !== 0 || right !== columns) {
    const output = new Uint8ClampedArray(rows * width * channels);
    const weights = weightsOf(columns, left, right, width);
    pass(pixels, output, weights, rows, channels, channels, columns * channels, width * channels, channels);
    [pixels, columns] = [output, width];
  }
  if (height !== rows || top !== 0 || bottom !== rows) {
    const output = new Uint8ClampedArray(height * width * channels);
    const weights = weightsOf(rows, top, bottom, height);
    const line = width * channels;
    pass(pixels, output, weights, width, line, line, channels, channels, channels);
    [pixels, rows] = [output, height];
  }
  return { width, height, channels, pixels };
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
 * Return the part `box` (left, top, right, bottom) of a picture at another size.
 *
 * A picture is {width, height, channels, pixels}: 8 bits a value, row by row, channels last.
 */
export function resize(picture, width, height, box = [0, 0, picture.width, picture.height]) {
  if (picture.channels !== 4) return resampled(picture, width, height, box);
  const output = resampled({ ...picture, pixels: premultiplied(picture.pixels) }, width, height, box);
  return { ...output, pixels: divided(output.pixels) };
}
