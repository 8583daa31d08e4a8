// The engine, engine.c as WebAssembly: one network that computes and trains. geomlib.wasm holds the compiled bytes in
// base64. A classic script, so that it runs from a file too; all scripts share the one global name `geomlib`. It is
// written as a function, so that a worker can be given its text.
"use strict";
globalThis.geomlib ??= { networks: {} };
geomlib.defineEngine = function () {
  // What engine.c calls `place`: the name of each part, and the kind of its numbers. Parts of a head come last.
  const PLACES = [["exchange", Float32Array], ["images", Float32Array], ["noise", Float32Array], ["mu", Float32Array],
    ["logvar", Float32Array], ["z", Float32Array], ["pixels", Float32Array], ["settings", Float64Array],
    ["frequencies", Float64Array], ["wall", Float32Array], ["report", Float64Array], ["surveyMean", Float32Array],
    ["surveyVariance", Float32Array], ["labels", Int32Array], ["mask", Float32Array], ["answers", Float32Array],
    ["table", Int32Array]];
  const SETTINGS = ["capacity", "steps", "stepsPerEpoch", "learningRate", "decay", "cooldown"];
  const REPORT = ["step", "reconstruction", "rate", "loss", "price", "meanRate", "logPrice", "capacity"];
  const PIXELS = 169;
  const NO_ENGINE = "This page computes with WebAssembly and its 128-bit SIMD, which this browser lacks. Firefox, " +
    "Chrome and Edge have had them since 2021, Safari since March 2023 (16.4).";
  let compiled;

  const bytes = () => Uint8Array.from(atob(geomlib.wasm), (character) => character.charCodeAt(0));

  /** Whether this browser can run the engine: WebAssembly with 128-bit SIMD, which all have had since 2023. */
  const engineRuns = () => typeof WebAssembly === "object" && WebAssembly.validate(bytes());

  const hiddenUnits = (classes) => ({ 2: 1024, 169: 2500 })[classes] ?? 1500;

  /** Names and shapes of a network's parameters, in the order of BetaVAE.state_dict(). */
  function shapesOf(latents, heads) {
    const shapes = [["encoder.0", [32, 1, 4, 4], 32], ["encoder.2", [64, 32, 3, 3], 64],
      ["encoder.4", [256, 64, 3, 3], 256], ["mu", [latents, 1024], latents], ["logvar", [latents, 1024], latents],
      ["expand", [1024, latents], 1024], ["decoder.0", [256, 64, 3, 3], 64], ["decoder.2", [64, 32, 3, 3], 32],
      ["decoder.4", [32, 1, 4, 4], 1]];
    for (const [task, classes] of Object.entries(heads)) {
      const hidden = hiddenUnits(classes), outputs = classes === 2 ? 1 : classes;
      shapes.push([`classifiers.${task}.0`, [hidden, latents], hidden],
        [`classifiers.${task}.${classes === 2 ? 1 : 2}`, [outputs, hidden], outputs]);
    }
    return shapes.flatMap(([name, weight, bias]) => [[`${name}.weight`, weight], [`${name}.bias`, [bias]]]);
  }

  /**
   * One network. Its arrays are views of the engine's memory, (rows, batch): images, noise, mu, logvar, z, pixels; of
   * each head labels, mask, answers, table; settings, frequencies (169) and wall (169, 169) of training; report.
   *
   * heads    task -> number of classes      batch  the most images at once, a multiple of 8
   * train    false: it computes, and has no room for gradients
   */
  class Engine {
    constructor({ heads = {}, latents = 5, batch = 128, train = true } = {}) {
      compiled ??= new WebAssembly.Module(bytes());
      this.run = new WebAssembly.Instance(compiled).exports;
      Object.assign(this, { tasks: Object.keys(heads), latents, batch, shapes: shapesOf(latents, heads) });
      for (const classes of Object.values(heads)) this.run.add_head(classes);
      this.run.setup(latents, batch, Number(train));
      const count = this.run.parameters(), code = latents * batch;
      const sizes = { exchange: count, images: PIXELS * batch, noise: code, mu: code, logvar: code, z: code,
        pixels: PIXELS * batch, settings: SETTINGS.length, frequencies: PIXELS, wall: PIXELS ** 2,
        report: REPORT.length + 2 * this.tasks.length + latents, surveyMean: PIXELS * latents,
        surveyVariance: PIXELS * latents };
      const view = (i, size, head = 0) => new PLACES[i][1](this.run.memory.buffer, this.run.place(i, head), size);
      PLACES.forEach(([name], i) => { if (name in sizes) this[name] = view(i, sizes[name]); });
      this.heads = Object.fromEntries(Object.entries(heads).map(([task, classes], h) => {
        const outputs = classes === 2 ? 1 : classes;
        const own = { labels: batch, mask: hiddenUnits(classes) * batch, answers: outputs * batch, table: PIXELS };
        const views = PLACES.flatMap(([name], i) => (name in own ? [[name, view(i, own[name], h)]] : []));
        return [task, Object.fromEntries(views)];
      }));
    }

    /** Take values (Float32Array, torch's order) as the weights, or as a part: 1 gradients, 2 and 3 Adam's moments. */
    load(values, part = 0) {
      this.exchange.set(values);
      this.run.write(part);
    }
    /** The weights, or another part, in torch's order; the next call overwrites them. */
    values(part = 0) {
      this.run.read(part);
      return this.exchange;
    }

    /** Settings of training by their names in SETTINGS. */
    set(given) {
      for (const [name, value] of Object.entries(given)) this.settings[SETTINGS.indexOf(name)] = value;
    }
    /** The state of training by its names in REPORT; tasks: task -> [cross entropy, share of right answers]; rates. */
    state() {
      const at = REPORT.length, { report, tasks } = this;
      return { ...Object.fromEntries(REPORT.map((name, i) => [name, report[i]])),
        tasks: Object.fromEntries(tasks.map((task, h) => [task, [report[at + 2 * h], report[at + 2 * h + 1]]])),
        rates: [...report.slice(at + 2 * tasks.length)] };
    }
  }

  Object.assign(geomlib, { Engine, NO_ENGINE, engineRuns, shapesOf, hiddenUnits });
};
geomlib.defineEngine();
