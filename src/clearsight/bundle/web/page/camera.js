// A photograph through the camera that the browser gives to the page, or through the telephone's
// own camera program where it gives none.

const dialog = document.getElementById("camera");
const video = document.getElementById("video");
const take = document.getElementById("take");

// What the camera shows now, as a file without loss.
function frame() {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  canvas.getContext("2d").drawImage(video, 0, 0);
  return new Promise((resolve) => {
    canvas.toBlob((blob) => resolve(new File([blob], "photograph.png", { type: blob.type })));
  });
}

/**
 * Let the reader take a photograph.
 *
 * @returns a File; null when the reader leaves without one; undefined when there is no camera here.
 */
export async function photograph() {
  if (!navigator.mediaDevices?.getUserMedia) return undefined; // not on localhost nor over HTTPS
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  } catch {
    return undefined; // there is none, or it was not allowed
  }
  video.srcObject = stream;
  take.disabled = true; // until there is something to take
  dialog.showModal();
  try {
    return await new Promise((resolve, reject) => {
      take.onclick = () => resolve(frame());
      document.getElementById("leave").onclick = () => resolve(null);
      dialog.oncancel = () => resolve(null);
      video.play().then(() => {
        take.disabled = false;
      }, reject);
    });
  } finally {
    dialog.close();
    video.srcObject = null;
    for (const track of stream.getTracks()) track.stop();
  }
}
