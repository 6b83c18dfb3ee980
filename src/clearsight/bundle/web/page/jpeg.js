// Reads from a JPEG file's header where its first pixel block is once the browser has rotated the
// image upright.

const EXIF = "Exif\0\0";
const MULTI_PICTURE = "MPF\0"; // Pillow decodes such files at full size
const ORIENTATION = 0x0112;
// The EXIF orientations whose first block is at the right, and at the bottom.
const RIGHT = [2, 3, 6, 7];
const BOTTOM = [3, 4, 7, 8];

export function text(bytes, at, length) {
  return String.fromCharCode(...bytes.subarray(at, at + length));
}

// Call `handle` with the marker and the start of each segment before the pixels.
function forEachSegment(bytes, handle) {
  let at = 2;
  while (at + 4 <= bytes.length && bytes[at] === 0xff) {
    const marker = bytes[at + 1];
    if (marker === 0xff) {
      at += 1; // padding
      continue;
    }
    if (marker === 0xda || marker === 0xd9) return;
    handle(marker, at + 4);
    at += 2 + bytes[at + 2] * 256 + bytes[at + 3];
  }
}

function readOrientation(bytes, start) {
  const view = new DataView(bytes.buffer, bytes.byteOffset + start);
  const isLittle = text(bytes, start, 2) === "II";
  const directory = view.getUint32(4, isLittle);
  const count = view.getUint16(directory, isLittle);
  for (let entry = 0; entry < count; entry += 1) {
    const at = directory + 2 + entry * 12;
    if (view.getUint16(at, isLittle) === ORIENTATION) return view.getUint16(at + 8, isLittle);
  }
  return 1;
}

/**
 * Read what matters for decoding from the start of a file.
 *
 * @returns isDrafted: whether it is a JPEG file that Python may decode at a fraction of its size;
 *   corner: where its first block is, {isRight, isBottom}.
 */
export function readJpegFacts(bytes) {
  const isJpeg = bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff;
  let [orientation, isDrafted] = [1, isJpeg];
  if (isJpeg) {
    forEachSegment(bytes, (marker, start) => {
      if (marker === 0xe2 && text(bytes, start, 4) === MULTI_PICTURE) isDrafted = false;
      if (marker !== 0xe1 || text(bytes, start, 6) !== EXIF) return;
      try {
        orientation = readOrientation(bytes, start + 6);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error; // damaged EXIF data; the image is fine
      }
    });
  }
  const corner = { isRight: RIGHT.includes(orientation), isBottom: BOTTOM.includes(orientation) };
  return { isDrafted, corner };
}
