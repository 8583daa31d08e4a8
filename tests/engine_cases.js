// Runs the engine on the cases that tests/test_engine.py writes: in Node, and in a page. Arrays are base64 of float32.
"use strict";
const numbers = (base64) => new Float32Array(Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)).buffer);
const text = (array) => {
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  let characters = "";
  for (let i = 0; i < bytes.length; i += 8192) characters += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(characters);
};

/** Put a batch, (rows, count) each, into an engine. */
function give(engine, { images, noise, labels, masks }) {
  engine.images.set(numbers(images));
  engine.noise.set(numbers(noise));
  for (const task of engine.tasks) {
    engine.heads[task].labels.set(labels[task]);
    if (masks[task]) engine.heads[task].mask.set(numbers(masks[task]));
  }
}

function ready({ heads, latents, count, weights, settings = {} }) {
  const engine = new geomlib.Engine({ heads, latents, batch: count });
  engine.run.start(0);
  engine.load(numbers(weights));
  engine.set(settings);
  return engine;
}

globalThis.cases = {
  /** Outputs, scores and gradients of one batch; along each tensor's gradient also the loss's slope by differences. */
  gradients(given) {
    const engine = ready(given), { count, price } = given;
    give(engine, given);
    const loss = () => {
      engine.run.forward(count);
      engine.report[4] = price;
      engine.run.score(count);
      return engine.state().loss;
    };
    loss();
    engine.run.backward(count, price);
    const found = { state: engine.state(), gradients: text(engine.values(1)), mu: text(engine.mu), logvar: text(engine.logvar),
      z: text(engine.z), pixels: text(engine.pixels), slopes: [], names: engine.shapes.map(([name]) => name),
      answers: Object.fromEntries(engine.tasks.map((task) => [task, text(engine.heads[task].answers)])) };
    const weights = engine.values().slice(), gradients = engine.values(1).slice(), moved = weights.slice();
    let start = 0;
    for (const [, shape] of engine.shapes) {
      const end = start + shape.reduce((a, b) => a * b), own = gradients.subarray(start, end);
      const length = Math.sqrt(own.reduce((sum, g) => sum + g * g, 0)), at = [];
      const size = Math.min(2e-4 / length, 0.005);          // so that the loss changes well above its rounding
      for (const sign of [1, -1]) {
        moved.set(weights);
        for (let i = start; i < end; i++) moved[i] += (sign * size * gradients[i]) / length;
        engine.load(moved);
        at.push(loss());
      }
      found.slopes.push([length, (at[0] - at[1]) / (2 * size)]);
      start = end;
    }
    return found;
  },

  /** Steps on given batches: weights and moments after the last one, the state after each. */
  training(given) {
    const engine = ready(given), states = [];
    for (const batch of given.batches) {
      give(engine, batch);
      engine.run.step_given(given.count);
      states.push(engine.state());
    }
    return { states, weights: text(engine.values()), means: text(engine.values(2)), squares: text(engine.values(3)) };
  },

  /** The schedules at some steps. */
  schedules({ settings, steps }) {
    const engine = new geomlib.Engine({ batch: 8 });
    engine.set(settings);
    return steps.map((step) => [engine.run.capacity_at(step), engine.run.learning_rate_at(step)]);
  },

  /** What the engine draws by itself: first weights, images and noise of some batches, labels, masks. */
  drawn({ heads, seed, frequencies, wall, tables, batches }) {
    const engine = new geomlib.Engine({ heads, batch: 128 });
    engine.run.start(seed);
    engine.frequencies.set(frequencies);
    engine.wall.set(numbers(wall));
    for (const task of engine.tasks) engine.heads[task].table.set(tables[task]);
    const found = { weights: text(engine.values()), batches: [] };
    for (let i = 0; i < batches; i++) {
      engine.run.draw(128);
      const own = engine.tasks.map((task) => [task, [...engine.heads[task].labels], i ? "" : text(engine.heads[task].mask)]);
      found.batches.push({ images: text(engine.images), noise: text(engine.noise), heads: own });
    }
    return found;
  },

  /** A training of its own, and the survey of its codes. */
  trained({ settings, seed, frequencies, wall, steps, draws }) {
    const engine = new geomlib.Engine({ batch: 64 });
    engine.run.start(seed);
    engine.set(settings);
    engine.frequencies.set(frequencies);
    engine.wall.set(numbers(wall));
    for (let i = 0; i < steps; i++) engine.run.step(64);
    engine.run.survey(draws);
    return { state: engine.state(), weights: text(engine.values()), mean: text(engine.surveyMean),
      variance: text(engine.surveyVariance) };
  },
};

if (typeof process === "object") {                           // node engine_cases.js SCRIPT NAME < case > result
  const { readFileSync, writeFileSync } = require("node:fs"), [script, name] = process.argv.slice(2);
  (0, eval)(readFileSync(script, "utf8"));
  writeFileSync(1, JSON.stringify(cases[name](JSON.parse(readFileSync(0, "utf8")))));
}
