// The network in ONNX Runtime Web, on one thread of this browser: images stay on this machine, and
// the server needs no special headers.

import * as ort from "./onnxruntime-web/ort.wasm.bundle.min.js";

import { VERSION } from "./preparation.js";

const FORMAT_VERSION = 1;
const WEBASSEMBLY = "onnxruntime-web/ort-wasm-simd-threaded.wasm";

export async function fetchFile(name) {
  const response = await fetch(name);
  if (!response.ok) {
    throw new Error(
      `${name} should be in the folder of this page, but the server answered ${response.status}: ` +
        "export the page again.",
    );
  }
  return response.arrayBuffer();
}

/** Read `bundle.json`. */
export async function readSpec() {
  const spec = JSON.parse(new TextDecoder().decode(await fetchFile("bundle.json")));
  if (spec.format_version !== FORMAT_VERSION || spec.preparation.version !== VERSION) {
    throw new Error(
      `bundle.json should have format version ${FORMAT_VERSION} and preparation version ` +
        `${VERSION}, but has ${spec.format_version} and ${spec.preparation.version}: export the ` +
        "page again.",
    );
  }
  return spec;
}

/**
 * Load the network.
 *
 * @returns a function from pixels (Uint8Array of N x H x W x C) and N to probabilities
 *   (Float32Array of N x K).
 */
export async function openNetwork(spec) {
  const [runtime, model] = await Promise.all([fetchFile(WEBASSEMBLY), fetchFile("model.onnx")]);
  ort.env.logLevel = "error";
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmBinary = runtime; // works with any content type that a server declares
  const session = await ort.InferenceSession.create(new Uint8Array(model), {
    executionProviders: ["wasm"],
  });
  const { height, width, channels } = spec.preparation;
  const predict = async (pixels, count) => {
    const images = new ort.Tensor("uint8", pixels, [count, height, width, channels]);
    const outputs = await session.run({ [spec.input.name]: images });
    return outputs[spec.output.name].data;
  };
  await predict(new Uint8Array(height * width * channels), 1); // the first run is slower
  return predict;
}
