// What has to be known of a JPEG file beside its pixels: where its first block lies once the browser
// has turned it upright.

const EXIF = "Exif\0\0";
const SEVERAL_IMAGES = "MPF\0"; // Pillow unpacks these at full size
const ORIENTATION = 0x0112;
// EXIF's orientations whose first block is at the right, and at the bottom.
const RIGHT = [2, 3, 6, 7];
const BOTTOM = [3, 4, 7, 8];

function text(bytes, at, length) {
  return String.fromCharCode(...bytes.subarray(at, at + length));
}

// Call `take` with the kind, start and end of each segment before the pixels.
function eachSegment(bytes, take) {
  let at = 2;
  while (at + 4 <= bytes.length && bytes[at] === 0xff) {
    const kind = bytes[at + 1];
    if (kind === 0xff) {
      at += 1; // padding
      continue;
    }
    if (kind === 0xda || kind === 0xd9) return;
    const end = at + 2 + bytes[at + 2] * 256 + bytes[at + 3];
    take(kind, at + 4, end);
    at = end;
  }
}

function orientationIn(bytes, start) {
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
 * Look into the beginning of a file.
 *
 * @returns isDrafted: whether it is a JPEG file that Python may unpack at a fraction of its size;
 *   corner: where its first block lies, isRight and isBottom.
 */
export function jpegFacts(bytes) {
  const isJpeg = bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff;
  let [orientation, isDrafted] = [1, isJpeg];
  if (isJpeg) {
    eachSegment(bytes, (kind, start) => {
      if (kind === 0xe2 && text(bytes, start, 4) === SEVERAL_IMAGES) isDrafted = false;
      if (kind !== 0xe1 || text(bytes, start, 6) !== EXIF) return;
      try {
        orientation = orientationIn(bytes, start + 6);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error; // damaged EXIF data: the image is sound
      }
    });
  }
  const corner = { isRight: RIGHT.includes(orientation), isBottom: BOTTOM.includes(orientation) };
  return { isDrafted, corner };
}
