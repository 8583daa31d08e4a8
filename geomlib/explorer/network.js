// A trained network in the browser: encoder, decoder and heads, one image at a time, computed by the engine.
"use strict";
{
const BATCH = 8;                             // the fewest images that the engine takes; the first is used
const engines = {};                          // one for all networks of the same latents and heads

/** One trained network. Results lie in its arrays, which every call overwrites. */
class Network {
  /** raw: { shapes: [[parameter, its shape], ...], weights: base64 of their values in this order } */
  constructor(raw) {
    const shapes = Object.fromEntries(raw.shapes), latents = shapes["mu.bias"][0], heads = {};
    for (const name in shapes) {
      const [, task] = /^classifiers\.([^.]+)\.[12]\.bias$/.exec(name) ?? [];
      if (task) heads[task] = Math.max(shapes[name][0], 2);
    }
    this.values = geomlib.halves(raw.weights);
    this.engine = engines[JSON.stringify([latents, heads])] ??=
      new geomlib.Engine({ heads, latents, batch: BATCH, train: false });
    this.mu = new Float32Array(latents);     // posterior mean
    this.logvar = new Float32Array(latents); // log of the posterior variance
    this.pixels = new Float32Array(169);     // probability of wall
    this.heads = Object.fromEntries(Object.entries(heads).map(([task, classes]) =>    // of two classes the second alone
      [task, { probabilities: new Float32Array(classes === 2 ? 1 : classes) }]));
  }

  /** The engine, with this network's weights. */
  loaded() {
    if (this.engine.network !== this) this.engine.load(this.values);
    this.engine.network = this;
    return this.engine;
  }

  /** image (169), 0 = open, 1 = wall -> this.mu, this.logvar */
  encode(image) {
    const engine = this.loaded();
    put(image, engine.images);
    engine.run.encode(1);
    take(engine.mu, this.mu);
    take(engine.logvar, this.logvar);
  }

  /** z (D) -> this.pixels */
  decode(z) {
    const engine = this.loaded();
    put(z, engine.z);
    engine.run.decode(1);
    take(engine.pixels, this.pixels);
  }

  /** z (D) -> this.heads[task].probabilities */
  classify(z) {
    const engine = this.loaded();
    put(z, engine.z);
    engine.run.classify(1);
    for (const task in this.heads) take(engine.heads[task].answers, this.heads[task].probabilities);
  }
}

/** The first column of the engine's arrays (rows, BATCH). */
function put(values, array) {
  for (let i = 0; i < values.length; i++) array[i * BATCH] = values[i];
}
function take(array, values) {
  for (let i = 0; i < values.length; i++) values[i] = array[i * BATCH];
}

Object.assign(geomlib, { Network });
}
