// Networks that train in workers, so that the page stays awake.
"use strict";
{
/** What a worker does: one network in it answers each message with what is asked. Written to be given as text. */
geomlib.trainerWorker = function () {
  let engine, batch, recent = null;

  /** Make the network at the first job; what it is trained on. */
  function prepare({ heads, latents, tables, world, frequencies, batch: size }) {
    if (!engine) {
      engine = new geomlib.Engine({ heads, latents, batch: size });
      engine.wall.set(geomlib.wallTable(world));
    }
    engine.frequencies.set(frequencies);
    for (const task in tables) engine.heads[task].table.set(tables[task]);
    [batch, recent] = [size, null];
  }
  /** What is seen of a batch, in running means. */
  function look(share) {
    const { rate, reconstruction, rates, tasks } = engine.state();
    const seen = [rate, reconstruction, ...rates, ...Object.values(tasks).flat()];
    recent = recent ? recent.map((x, k) => x + share * (seen[k] - x)) : seen;
  }
  /** The mean codes and their variances, where the network stands, and what it makes of an image. */
  function survey(draws, image) {
    engine.run.survey(draws);
    return { state: { ...engine.state(), recent }, mean: engine.surveyMean.slice(),
      variance: engine.surveyVariance.slice(), pixels: reconstruct(image) };
  }
  function reconstruct(image) {
    const { run, images, mu, z, pixels } = engine, stride = 8;       // the fewest images that the engine takes
    image.forEach((x, i) => { images[stride * i] = x; });
    run.encode(1);
    z.set(mu.subarray(0, stride * engine.latents));
    run.decode(1);
    return image.map((_, i) => pixels[stride * i]);
  }

  const jobs = {
    start({ settings, seed, ...given }) {
      prepare(given);
      engine.run.start(seed);
      engine.set(settings);
      return {};
    },
    /** A trained network: its values in torch's order. It is seen in some batches, and surveyed. */
    open({ values, seed, draws, image, ...given }) {
      prepare(given);
      engine.run.start(seed);
      engine.load(values);
      for (let i = 1; i <= 16; i++) {
        engine.run.draw(batch);
        engine.run.forward(batch);
        engine.run.score(batch);
        look(1 / i);
      }
      return survey(draws, image);
    },
    /** Train for some steps. path: rate and reconstruction after each, as running means. */
    advance({ steps, draws, image }) {
      const path = [], began = performance.now();
      for (let i = 0; i < steps; i++) {
        engine.run.step(batch);
        look(0.1);
        path.push(recent[0], recent[1]);
      }
      const trained = performance.now() - began;
      return { ...survey(draws, image), path, trained };
    },
    reconstruct: ({ image }) => reconstruct(image),
    weights: () => ({ values: engine.values().slice(), shapes: engine.shapes }),
    limit: ({ frequencies, world }) => geomlib.limitOf(frequencies, world),
  };
  onmessage = ({ data: { id, job, given } }) => postMessage({ id, answer: jobs[job](given) });
};

/** A worker made from the page's own scripts, so that it starts from a file, too. failed(message): it can't go on. */
class Helper {
  constructor(failed) {
    const parts = [`globalThis.geomlib = { wasm: "${geomlib.wasm}" };`,
      ...[geomlib.defineEngine, geomlib.defineWorld, geomlib.trainerWorker].map((part) => `(${part})();`)];
    const address = URL.createObjectURL(new Blob(parts, { type: "text/javascript" }));
    this.worker = new Worker(address);
    this.waiting = new Map();
    this.asked = 0;
    this.worker.onmessage = ({ data: { id, answer } }) => {
      URL.revokeObjectURL(address);
      this.waiting.get(id)(answer);
      this.waiting.delete(id);
    };
    this.worker.onerror = (event) => failed(event.message);
  }
  ask(job, given = {}) {
    return new Promise((resolve) => {
      this.waiting.set(++this.asked, resolve);
      this.worker.postMessage({ id: this.asked, job, given });
    });
  }
  close() { this.worker.terminate(); }
}

Object.assign(geomlib, { Helper });
}
