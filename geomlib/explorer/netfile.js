// Networks as files: safetensors, float32 or float16, with their spec in it or beside it.
"use strict";
{
const LARGEST = 64 * 2 ** 20, LARGEST_HEADER = 2 ** 20;      // bytes; a network of this page has 1.4 to 5 million

/** A safetensors file: shapes [[name, shape], ...] of values (Float32Array, one after the other), and its notes. */
function writeNetwork(shapes, values, notes) {
  const header = { __metadata__: notes };
  let start = 0;
  for (const [name, shape] of shapes) {
    const end = start + 4 * shape.reduce((a, b) => a * b);
    header[name] = { dtype: "F32", shape, data_offsets: [start, end] };
    start = end;
  }
  const text = new TextEncoder().encode(JSON.stringify(header)), padded = Math.ceil(text.length / 8) * 8;
  const bytes = new Uint8Array(8 + padded + start).fill(32, 8, 8 + padded);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(padded), true);
  bytes.set(text, 8);
  bytes.set(new Uint8Array(values.buffer), 8 + padded);
  return bytes;
}

/** Tensors and notes of a safetensors file's bytes; an Error of one sentence where it is another file, or cut short. */
function readTensors(bytes) {
  const none = () => { throw new Error("it is no safetensors file, or not a whole one"); };
  if (bytes.length < 10) none();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length), length = Number(view.getBigUint64(0, true));
  if (length > Math.min(LARGEST_HEADER, bytes.length - 8)) none();
  let header;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(8, 8 + length)));
  } catch {
    none();
  }
  const { __metadata__: notes = {}, ...entries } = header, tensors = {};
  for (const [name, entry] of Object.entries(entries)) {
    const { dtype, shape, data_offsets: [start, end] = [] } = entry ?? {}, size = { F32: 4, F16: 2 }[dtype];
    if (!size) throw new Error(`its ${name} is of the kind ${dtype}, and this page reads F32 and F16`);
    if (!Array.isArray(shape) || end - start !== size * shape.reduce((a, b) => a * b, 1) || !(start >= 0) ||
      8 + length + end > bytes.length) none();
    const part = bytes.slice(8 + length + start, 8 + length + end);
    const values = size === 4 ? new Float32Array(part.buffer) : geomlib.fromHalves(new Uint16Array(part.buffer));
    tensors[name] = { shape, values };
  }
  return { tensors, notes };
}

/**
 * The network in a safetensors file: settings, spec (JSON), heads and their tables, latents, values in torch's order,
 * steps that it was trained.
 *
 * bytes      of the file      defaults  geomlib.Spec's
 * specText   what spec.json beside it holds, or null: then the file itself has it, as those of this page do
 * An Error of one sentence where it is none that this page can show.
 */
function readNetwork(bytes, specText, defaults) {
  if (bytes.length > LARGEST) throw new Error("it is larger than any network of this page (64 MB)");
  const { tensors, notes } = readTensors(bytes), text = specText ?? notes.spec;
  if (!text) throw new Error("it has no spec: choose spec.json of the same folder together with it");
  let spec;
  try {
    spec = JSON.parse(text);
  } catch {
    throw new Error("its spec is no JSON");
  }
  const settings = geomlib.settingsOfSpec(spec, defaults), tables = {}, heads = {};
  for (const task in spec.tasks) heads[task] = Math.max(...(tables[task] = spec.tasks[task].flat())) + 1;
  const shapes = geomlib.shapesOf(spec.latent_dim, heads), values = [];
  for (const [name, shape] of shapes) {
    const found = tensors[name], is = found ? found.shape.join(" x ") : "missing", should = shape.join(" x ");
    if (is !== should) throw new Error(`its ${name} is ${is}, and its spec says ${should}`);
    if (!found.values.every(Number.isFinite)) throw new Error(`its ${name} holds values that are no finite numbers`);
    values.push(found.values);
  }
  const more = Object.keys(tensors).find((name) => !shapes.some(([known]) => known === name));
  if (more) throw new Error(`it holds ${more}, which a network of its spec doesn't have`);
  const joined = new Float32Array(values.reduce((sum, part) => sum + part.length, 0));
  values.reduce((at, part) => (joined.set(part, at), at + part.length), 0);
  return { settings, spec: JSON.stringify(spec), heads, tables, latents: spec.latent_dim, values: joined,
    steps: Number(notes.steps_done ?? spec.steps) };
}

/** Give the reader a file. */
function saveFile(name, bytes) {
  const address = URL.createObjectURL(new Blob([bytes])), link = document.createElement("a");
  Object.assign(link, { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

Object.assign(geomlib, { writeNetwork, readNetwork, saveFile });
}
