// Takes a photograph with the camera that the browser gives to pages; if it gives none, the caller
// uses the phone's own camera app instead.

const dialog = document.getElementById("camera");
const video = document.getElementById("video");
const take = document.getElementById("take");

// The current video frame as a lossless image file.
function captureFrame() {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  canvas.getContext("2d").drawImage(video, 0, 0);
  return new Promise((resolve) => {
    canvas.toBlob((blob) => resolve(new File([blob], "photograph.png", { type: blob.type })));
  });
}

/**
 * Let the user take a photograph.
 *
 * @returns a File; null if the user cancels; undefined if no camera is available.
 */
export async function takePhotograph() {
  if (!navigator.mediaDevices?.getUserMedia) return undefined; // neither localhost nor HTTPS
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  } catch {
    return undefined; // no camera, or permission denied
  }
  video.srcObject = stream;
  take.disabled = true; // until the video plays
  dialog.showModal();
  try {
    return await new Promise((resolve, reject) => {
      take.onclick = () => resolve(captureFrame());
      document.getElementById("cancel").onclick = () => resolve(null);
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
