// Finds out whether an image file has more frames than the first, which alone is classified.

import { text } from "./jpeg.js";

// GIF89a, sections 18 to 26: blocks of sub-blocks, each with its length in front.
function countGifFrames(bytes) {
  const colourTable = (flags) => (flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0);
  let at = 13 + colourTable(bytes[10]);
  let frames = 0;
  while (at < bytes.length && frames < 2) {
    if (bytes[at] === 0x21) at += 2; // an extension and its label
    else if (bytes[at] === 0x2c) {
      frames += 1;
      at += 11 + colourTable(bytes[at + 9]); // the descriptor, and LZW's code size
    } else break;
    while (bytes[at]) at += bytes[at] + 1;
    at += 1;
  }
  return frames;
}

// https://www.w3.org/TR/png-3/#acTL-chunk: the number of frames, before the first pixels.
function countPngFrames(view, bytes) {
  let at = 8;
  while (at + 12 <= bytes.length && text(bytes, at + 4, 4) !== "IDAT") {
    if (text(bytes, at + 4, 4) === "acTL") return view.getUint32(at + 8);
    at += 12 + view.getUint32(at);
  }
  return 1;
}

// https://developers.google.com/speed/webp/docs/riff_container: a chunk for each frame.
function countWebpFrames(view, bytes) {
  let frames = 0;
  for (let at = 12; at + 8 <= bytes.length && frames < 2; ) {
    if (text(bytes, at, 4) === "ANMF") frames += 1;
    const size = view.getUint32(at + 4, true);
    at += 8 + size + (size % 2);
  }
  return frames;
}

// TIFF 6.0, section 2: each page's directory ends with the offset of the next, or 0.
function countTiffPages(view, bytes) {
  const isLittle = bytes[0] === 0x49;
  const first = view.getUint32(4, isLittle);
  const next = first + 2 + 12 * view.getUint16(first, isLittle);
  return view.getUint32(next, isLittle) === 0 ? 1 : 2;
}

function countFrames(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = text(bytes, 0, 4);
  if (start === "GIF8") return countGifFrames(bytes);
  if (start === "\x89PNG") return countPngFrames(view, bytes);
  if (start === "RIFF" && text(bytes, 8, 4) === "WEBP") return countWebpFrames(view, bytes);
  if (start === "II*\0" || start === "MM\0*") return countTiffPages(view, bytes);
  return text(bytes, 4, 8) === "ftypavis" ? 2 : 1; // a sequence of AVIF images
}

/** Return whether a file has several frames or pages. bytes: Uint8Array, all of the file. */
export function hasMoreFrames(bytes) {
  try {
    return countFrames(bytes) > 1;
  } catch (error) {
    if (error instanceof RangeError) return false; // damaged after the first frame
    throw error;
  }
}
