// The arithmetic of geomlib/model.py in the browser: encoder, decoder and heads of one network, one image at a time.
// A classic script, so that it runs from a file too. All scripts share the one global name `geomlib`.
"use strict";
globalThis.geomlib ??= { networks: {} };
{
/** base64 of little-endian float16 -> Float32Array. */
function halves(base64) {
  const bytes = atob(base64), out = new Float32Array(bytes.length / 2);
  for (let i = 0; i < out.length; i++) {
    const bits = bytes.charCodeAt(2 * i) | (bytes.charCodeAt(2 * i + 1) << 8);
    const exponent = (bits >> 10) & 31, fraction = bits & 1023;
    const size = exponent ? (1024 + fraction) * 2 ** (exponent - 25) : fraction * 2 ** -24;
    out[i] = bits >> 15 ? -size : size;
  }
  return out;
}

/**
 * A convolution of stride 2, padding 1, and its transpose. Both join pixel (y, x) of the small image with pixels
 * (2y - 1 + ky, 2x - 1 + kx) of the large one, and order their weights alike: small channel, large channel, ky, kx.
 * Here lie the triples (small pixel, large pixel, weight) that don't fall on padding.
 */
class Layer {
  constructor(smallChannels, smallSide, largeChannels, largeSide, kernel) {
    Object.assign(this, { smallChannels, largeChannels, taps: kernel ** 2 });
    Object.assign(this, { smallSize: smallSide ** 2, largeSize: largeSide ** 2 });
    const triples = [];
    for (let y = 0; y < smallSide; y++) for (let x = 0; x < smallSide; x++)
      for (let ky = 0; ky < kernel; ky++) for (let kx = 0; kx < kernel; kx++) {
        const row = 2 * y - 1 + ky, column = 2 * x - 1 + kx;
        if (row >= 0 && row < largeSide && column >= 0 && column < largeSide)
          triples.push(y * smallSide + x, row * largeSide + column, ky * kernel + kx);
      }
    this.triples = Int32Array.from(triples);
    this.small = new Float64Array(smallChannels * this.smallSize);
    this.large = new Float64Array(largeChannels * this.largeSize);
  }

  /** Convolution: this.large -> this.small. */
  shrink(weight, bias) {
    const { triples, small, large, smallSize, largeSize } = this;
    for (let s = 0, w = 0; s < this.smallChannels; s++) {
      small.fill(bias[s], s * smallSize, (s + 1) * smallSize);
      for (let l = 0; l < this.largeChannels; l++, w += this.taps)
        for (let k = 0; k < triples.length; k += 3)
          small[s * smallSize + triples[k]] += weight[w + triples[k + 2]] * large[l * largeSize + triples[k + 1]];
    }
  }

  /** Transposed convolution: this.small -> this.large. */
  grow(weight, bias) {
    const { triples, small, large, smallSize, largeSize } = this;
    for (let l = 0; l < this.largeChannels; l++) large.fill(bias[l], l * largeSize, (l + 1) * largeSize);
    for (let s = 0, w = 0; s < this.smallChannels; s++)
      for (let l = 0; l < this.largeChannels; l++, w += this.taps)
        for (let k = 0; k < triples.length; k += 3)
          large[l * largeSize + triples[k + 1]] += weight[w + triples[k + 2]] * small[s * smallSize + triples[k]];
  }
}

/** output = weight input + bias, weight (outputs, inputs). */
function linear(weight, bias, input, output) {
  for (let i = 0, w = 0; i < output.length; i++) {
    let sum = bias[i];
    for (let j = 0; j < input.length; j++) sum += weight[w++] * input[j];
    output[i] = sum;
  }
}

/** Leaky ReLU from one array into another, or in place. */
function leaky(from, to, slope) {
  for (let i = 0; i < from.length; i++) to[i] = from[i] > 0 ? from[i] : slope * from[i];
}

const sigmoid = (x) => 1 / (1 + Math.exp(-x));

// Shared by all networks: a call of encode or decode leaves nothing in them that the next one reads.
const outer = new Layer(32, 6, 1, 13, 4), middle = new Layer(64, 3, 32, 6, 3), inner = new Layer(256, 2, 64, 3, 3);

/** One trained network. Results lie in its arrays, which every call overwrites. */
class Network {
  /** raw: { shapes: [[parameter, its shape], ...], weights: base64 of their values in this order } */
  constructor(raw) {
    const all = halves(raw.weights), shapes = Object.fromEntries(raw.shapes);
    let start = 0;
    this.p = {};
    for (const [name, shape] of raw.shapes)
      this.p[name] = all.subarray(start, (start += shape.reduce((a, b) => a * b)));
    const D = shapes["mu.bias"][0];
    this.mu = new Float64Array(D);           // posterior mean
    this.logvar = new Float64Array(D);       // log of the posterior variance
    this.pixels = new Float32Array(169);     // probability of wall
    this.heads = {};                         // task -> { hidden, probabilities: of class 1 alone where there are two }
    for (const name in shapes) {
      const [, task] = /^classifiers\.([^.]+)\.0\.bias$/.exec(name) ?? [];
      if (!task) continue;
      const last = `classifiers.${task}.2.bias` in shapes ? 2 : 1;
      this.heads[task] = { last, hidden: new Float64Array(shapes[name][0]),
        probabilities: new Float64Array(shapes[`classifiers.${task}.${last}.bias`][0]) };
    }
  }

  /** image (169), 0 = open, 1 = wall -> this.mu, this.logvar */
  encode(image) {
    const p = this.p;
    outer.large.set(image);
    outer.shrink(p["encoder.0.weight"], p["encoder.0.bias"]);
    leaky(outer.small, middle.large, 0.01);
    middle.shrink(p["encoder.2.weight"], p["encoder.2.bias"]);
    leaky(middle.small, inner.large, 0.01);
    inner.shrink(p["encoder.4.weight"], p["encoder.4.bias"]);
    leaky(inner.small, inner.small, 0.01);
    linear(p["mu.weight"], p["mu.bias"], inner.small, this.mu);
    linear(p["logvar.weight"], p["logvar.bias"], inner.small, this.logvar);
  }

  /** z (D) -> this.pixels */
  decode(z) {
    const p = this.p;
    linear(p["expand.weight"], p["expand.bias"], z, inner.small);
    inner.grow(p["decoder.0.weight"], p["decoder.0.bias"]);
    leaky(inner.large, middle.small, 0.01);
    middle.grow(p["decoder.2.weight"], p["decoder.2.bias"]);
    leaky(middle.large, outer.small, 0.01);
    outer.grow(p["decoder.4.weight"], p["decoder.4.bias"]);
    for (let i = 0; i < 169; i++) this.pixels[i] = sigmoid(outer.large[i]);
  }

  /** z (D) -> this.heads[task].probabilities */
  classify(z) {
    for (const task in this.heads) {
      const { last, hidden, probabilities } = this.heads[task], name = `classifiers.${task}`, p = this.p;
      linear(p[`${name}.0.weight`], p[`${name}.0.bias`], z, hidden);
      if (last === 2) leaky(hidden, hidden, 0.2);
      linear(p[`${name}.${last}.weight`], p[`${name}.${last}.bias`], hidden, probabilities);
      if (probabilities.length === 1) probabilities[0] = sigmoid(probabilities[0]);
      else softmax(probabilities);
    }
  }
}

function softmax(x) {
  let most = -Infinity, sum = 0;
  for (let i = 0; i < x.length; i++) most = Math.max(most, x[i]);
  for (let i = 0; i < x.length; i++) sum += x[i] = Math.exp(x[i] - most);
  for (let i = 0; i < x.length; i++) x[i] /= sum;
}

Object.assign(geomlib, { Network, halves });
}
