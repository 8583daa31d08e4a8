// The live figures of the home page. Each stands in the place of a still picture, which print and readers without
// scripts keep. geomlib.home holds the networks' maps and resolutions, as home.py writes them.
"use strict";
{
const SIDE = 13, PAIRS = 169, TAU = 2 * Math.PI, { number, nats } = geomlib;
const VIRIDIS = ["#482173", "#33638d", "#21918c", "#58c765", "#fde725"];
const still = matchMedia("(prefers-reduced-motion: reduce)");

const mean = (values) => values.reduce((sum, x) => sum + x, 0) / values.length;
const mix = (from, to, part) => from.map((x, i) => x + part * (to[i] - x));
const percent = (share) => `${Math.round(100 * share)}\u00a0%`;
const byColumn = Array.from({ length: PAIRS }, (_, pair) => VIRIDIS[Math.round((pair % SIDE) / 3)]);

/** What the live figures share: they stand in a figure of the page, start in view, and draw when needed. */
class Live {
  constructor(name, html) {
    this.figure = document.getElementById(`fig-home-${name}`);
    this.root = document.createElement("div");
    this.root.className = `live live-${name}`;
    this.root.innerHTML = html;
    this.figure.prepend(this.root);
    this.figure.classList.add("has-live");
    this.canvases = [...this.root.querySelectorAll("canvas")];
    this.said = this.root.querySelector(".said");
  }
  /** To be called when all is there to draw. */
  ready() {
    this.root.live = this;
    this.watching = [new ResizeObserver(() => this.draw()), new MutationObserver(() => this.draw())];
    for (const canvas of this.canvases) this.watching[0].observe(canvas);
    this.watching[1].observe(document.documentElement, { attributes: true });
    const seen = new IntersectionObserver((entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      seen.disconnect();
      if (!this.touched) this.start?.();
    }, { threshold: 0.6 });
    seen.observe(this.root);
    this.draw();
  }
  find(selector) { return this.root.querySelector(selector); }
  draw() { this.frame ||= requestAnimationFrame(() => { this.frame = 0; this.render(); }); }
  /** A canvas, cleared and as sharp as the screen. */
  context(canvas) {
    const [width, height] = [canvas.clientWidth, canvas.clientHeight], context = canvas.getContext("2d");
    [canvas.width, canvas.height] = [width, height].map((size) => Math.round(size * devicePixelRatio));
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    return { context, width, height };
  }
  get style() {
    const value = (name) => getComputedStyle(this.root).getPropertyValue(name).trim();
    return { ink: value("--ink"), ground: value("--ground"), soft: value("--soft"), accent: value("--accent") };
  }
  /** Call step(part) with part from 0 to 1 over some time; at once where motion is reduced. The last call holds. */
  move(time, step, done = () => {}) {
    const began = performance.now(), own = this.moving = {};
    const next = () => {
      if (this.moving !== own) return;
      const part = still.matches ? 1 : Math.min((performance.now() - began) / time, 1);
      step(part * part * (3 - 2 * part));
      this.draw();
      if (part < 1) requestAnimationFrame(next);
      else {
        this.moving = null;
        done();
      }
    };
    next();
  }
  /** Draw a map of codes in the middle of a canvas. limit: half its side, in units of the codes. */
  drawMap(canvas, { points, edges, noise, hollow }, colours, limit) {
    const { context, width, height } = this.context(canvas), { style } = this;
    const scale = (Math.min(width, height) / 2 - 8) / limit;
    const x = (pair) => width / 2 + scale * points[2 * pair], y = (pair) => height / 2 - scale * points[2 * pair + 1];
    context.beginPath();                     // the noise of the code of the stimulus in the middle
    context.arc(x(84), y(84), scale * noise, 0, TAU);
    context.fillStyle = style.accent;
    context.globalAlpha = 0.18;
    context.fill();
    context.globalAlpha = 1;
    geomlib.drawNet(context, { x, y, edges, colours, style, radius: Math.max(2, width / 130), hollow });
  }
  /** What the figure shows, in words; screen readers speak them only once a reader has touched a control. */
  say(words) {
    this.said.setAttribute("aria-live", this.touched ? "polite" : "off");
    if (this.said.textContent !== words) this.said.textContent = words;
  }
}

/** The networks of a model as numbers, by rising capacity. */
const stopsOf = (model) => geomlib.home.models[model].map((stop) => (
  { ...stop, points: [...geomlib.halves(stop.points)], edges: [...geomlib.halves(stop.edges)] }));
const between = (a, b, part) => (part >= 1 || a === b ? b : {
  points: mix(a.points, b.points, part), edges: mix(a.edges, b.edges, part),
  noise: a.noise + part * (b.noise - a.noise), hollow: part > 0 });
/** How far maps reach from their middle, in units of the codes. */
const reach = (maps) => maps.reduce((most, { points }) => Math.max(most, ...points.map(Math.abs)), 0);
const named = (question) => `${question.replace(/_(UC|LC)/g, "<sub>$1</sub>")}?`;
const sliderHtml = (name, stops) => `<label>Capacity <output></output><input type="range" name="${name}" min="0"
  max="${stops.length - 1}" step="1"></label>`;

/* --- by hand ------------------------------------------------------------------------------------------------------ */

/**
 * What a Gaussian code costs, at the best of all scales. places (n): [x, y] of each stimulus's code in standard
 * deviations of the noise. In one latent, codes s u + s noise cost (s² (mean u² + 1) - 1 - ln s²) / 2 nats against the
 * standard normal prior; least at s² = 1 / (mean u² + 1), with u from their mean: ln(1 + variance of u) / 2.
 */
function costOf(places) {
  return [0, 1].reduce((sum, axis) => {
    const centre = mean(places.map((place) => place[axis]));
    return sum + Math.log1p(mean(places.map((place) => (place[axis] - centre) ** 2))) / 2;
  }, 0);
}

/** Five pictures of one corridor, to be placed by pointer or keys. */
class Hand extends Live {
  constructor() {
    const columns = [0, 3, 6, 9, 12];
    super("hand", `<p class="hint">Drag the five pictures, or move one with the arrow keys.</p>
      <div class="field" role="group" aria-label="Five codes to place">
      <canvas class="ground" aria-hidden="true"></canvas>
      ${columns.map(() => `<button type="button"><canvas class="picture" width="13" height="13"></canvas></button>`)
        .join("")}
      </div><p class="said" role="status"></p>`);
    Object.assign(this, { columns, field: this.find(".field"), tokens: [...this.root.querySelectorAll("button")],
      places: [[-1.6, 0.5], [-0.9, -0.3], [0, 0.4], [0.8, -0.4], [1.6, 0.3]], span: 4.5 });
    this.tokens.forEach((token, k) => {
      this.paint(token.firstChild, columns[k]);
      token.onpointerdown = (event) => {
        token.setPointerCapture(event.pointerId);
        event.preventDefault();
        token.focus();
      };
      token.onpointermove = (event) => {
        if (!token.hasPointerCapture(event.pointerId)) return;
        const { x, y, width, height } = this.field.getBoundingClientRect();
        this.put(k, (event.clientX - x - width / 2) / this.scale, (y + height / 2 - event.clientY) / this.scale);
      };
      token.onkeydown = (event) => {
        const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
        if (!by) return;
        event.preventDefault();
        const [x, y] = this.places[k];
        this.put(k, x + by[0] / 4, y + by[1] / 4);
      };
    });
    this.ready();
  }
  paint(canvas, column) {
    const context = canvas.getContext("2d");
    for (let x = 0; x < SIDE; x++) {
      const open = Math.round(255 * Math.exp(-((x - column) ** 2) / (2 * 1.2 ** 2)));
      context.fillStyle = `rgb(${open} ${open} ${open})`;
      context.fillRect(x, 0, 1, SIDE);
    }
  }
  get scale() { return this.field.clientWidth / 2 / this.span; }
  put(k, x, y) {
    const high = (this.span * this.field.clientHeight) / this.field.clientWidth;
    const inside = (v, end) => Math.min(Math.max(v, -end), end);
    this.places[k] = [inside(x, this.span - 0.5), inside(y, high - 0.5)];
    this.touched = true;
    this.draw();
  }
  render() {
    const { context, width, height } = this.context(this.canvases[0]), { style, scale, places } = this;
    if (!width) return;
    places.forEach(([x, y], k) => {
      const [left, top] = [width / 2 + scale * x, height / 2 - scale * y];
      context.beginPath();
      context.arc(left, top, scale, 0, TAU);                 // one standard deviation of the noise
      context.fillStyle = style.accent;
      context.globalAlpha = 0.18;
      context.fill();
      context.globalAlpha = 0.6;
      context.strokeStyle = style.accent;
      context.stroke();
      context.globalAlpha = 1;
      Object.assign(this.tokens[k].style, { left: `${left}px`, top: `${top}px` });
      this.tokens[k].setAttribute("aria-label",
        `Corridor at column ${this.columns[k]}, placed at ${number(x, 1)}, ${number(y, 1)}. Arrow keys move it.`);
    });
    const pairs = places.flatMap((a, i) => places.slice(i + 1).map((b, j) => ({ d: Math.hypot(a[0] - b[0], a[1] - b[1]),
      names: [i, i + 1 + j] })));
    this.result = { cost: costOf(places), least: pairs.reduce((a, b) => (b.d < a.d ? b : a)) };
    const { cost, least } = this.result, [i, j] = least.names.map((k) => this.columns[k]);
    const told = geomlib.toldApart(least.d);
    this.say(`Your code costs ${number(cost)} nats. Its closest pair, columns ${i} and ${j}, is told apart in ` +
      `${percent(told)} of trials (d′ ${number(least.d)}). ` +
      (told < 0.9 ? "Can you reach 90\u00a0% for every pair, and for how little?"
      : `To name one of five for certain takes ${number(Math.log(5))} nats.`));
  }
}

/* --- capacity ----------------------------------------------------------------------------------------------------- */

/** The baseline's map at any of its capacities; between two networks it moves through points that belong to none. */
class Capacity extends Live {
  constructor() {
    const stops = stopsOf("baseline");
    super("capacity", `<div class="beside">${sliderHtml("capacity", stops)}
      <canvas class="map" role="img"></canvas><p class="said" role="status"></p></div>`);
    Object.assign(this, { stops, at: 0, limit: reach(stops), slider: this.find("input"), output: this.find("output") });
    this.slider.oninput = () => {
      this.touched = true;
      this.go(Number(this.slider.value), 500);
    };
    this.show(still.matches ? 0 : stops.length - 1);
    this.ready();
  }
  /** From much to little capacity, network by network, in less than five seconds. */
  start() {
    if (still.matches) return;
    const time = 4000 / (this.stops.length - 1);
    const next = () => {
      if (!this.touched && this.slider.value > 0) this.go(Number(this.slider.value) - 1, time, next);
    };
    setTimeout(next, 500);
  }
  go(to, time, done) {
    const from = this.at;
    this.slider.value = to;
    this.move(time, (part) => {
      this.at = from + part * (to - from);
      if (Math.round(this.at) !== this.told) this.tell(Math.round(this.at));
    }, done);
  }
  /** The picture, the slider and the words of a stop. */
  show(stop) {
    this.at = stop;
    this.slider.value = stop;
    this.tell(stop);
    this.draw();
  }
  /** The words of a stop: while the picture moves, of the one that it is nearest to. */
  tell(stop) {
    this.told = stop;
    const { capacity, edges } = this.stops[stop], told = mean(edges.map(geomlib.toldApart));
    this.output.textContent = nats(capacity);
    this.slider.setAttribute("aria-valuetext", nats(capacity));
    const words = `At ${nats(capacity)} two neighbours are told apart in ${percent(told)} of trials ` +
      `(50\u00a0% is guessing), with a d′ of ${number(mean(edges))} on average.`;
    this.say(words);
    this.canvases[0].setAttribute("aria-label", `Map of the 169 codes of the baseline. ${words}`);
  }
  render() {
    const low = Math.min(Math.floor(this.at), this.stops.length - 2);
    this.drawMap(this.canvases[0], between(this.stops[low], this.stops[low + 1], this.at - low), byColumn, this.limit);
  }
}

/* --- frequency ---------------------------------------------------------------------------------------------------- */

/** A small network that trains, in a worker: answers after every few steps with its mean codes and their variances. */
geomlib.homeWorker = function () {
  onmessage = ({ data: { frequencies, spec } }) => {
    const engine = new geomlib.Engine({ batch: spec.batch_size });
    engine.wall.set(geomlib.wallTable());
    engine.run.start(spec.seed);
    const { capacity, steps, learning_rate: learningRate, decay, cooldown } = spec;
    engine.set({ capacity, steps, stepsPerEpoch: steps, learningRate, decay, cooldown });
    engine.frequencies.set(frequencies);
    for (let step = 1; step <= spec.steps; step++) {
      engine.run.step(spec.batch_size);
      const last = step === spec.steps;
      if (step % 20 && !last) continue;
      engine.run.survey(last ? 6 : 2);       // images of each stimulus; a look in between may be rough
      postMessage({ step, mean: engine.surveyMean.slice(), variance: engine.surveyVariance.slice() });
    }
  };
};

/** Mean d' of the edges shown most and least, where frequencies (169) differ. */
function byFrequency(edges, frequencies) {
  const shown = ([a, b]) => Math.sqrt(frequencies[a] * frequencies[b]), seen = geomlib.EDGES.map(shown);
  const most = Math.max(...seen), least = Math.min(...seen);
  const mean = (wanted) => geomlib.meanOf(edges, (edge) => wanted(shown(edge)));
  return most > 1.01 * least ? { frequent: mean((f) => f > 0.999 * most), rare: mean((f) => f < 1.001 * least) } : {};
}

const OFTEN = 8;                             // how much more often a painted stimulus is shown, about as in E1M1
const PRESETS = [["baseline", "All alike"], ["E1M1", "One half more often"], ["E1M2", "The diagonal more often"]];

/** How often each stimulus is shown, to choose or to paint, and what a network of 0.3 nats then tells apart. */
class Frequency extends Live {
  constructor() {
    super("frequency", `<div class="beside"><div class="choice" role="group" aria-label="How often each stimulus is shown">
      ${PRESETS.map(([name, words]) => `<button type="button" name="${name}">${words}</button>`).join("")}</div>
      <div class="two"><div><p>Paint how often</p>
      <canvas class="board" tabindex="0" role="application" aria-roledescription="board to paint on"></canvas></div>
      <div><p>What is told apart</p><canvas class="lattice" role="img"></canvas></div></div>
      <p class="about"></p><p class="said" role="status"></p></div>`);
    const edgesOf = (name) => stopsOf(name).find((stop) => stop.capacity === geomlib.home.training.capacity).edges;
    const networks = Object.fromEntries(PRESETS.map(([name]) => [name, edgesOf(name)]));
    Object.assign(this, { networks, about: this.find(".about"), cursor: 84, partner: networks.baseline,
      spec: geomlib.home.training, buttons: [...this.root.querySelectorAll(".choice button")] });
    [this.board, this.lattice] = this.canvases;
    this.edges = networks.baseline;
    for (const button of this.buttons) button.onclick = () => { this.touched = true; this.choose(button.name); };
    this.listen();
    this.choose(still.matches ? "E1M1" : "baseline");
    this.ready();
  }
  start() { setTimeout(() => { if (!this.touched) this.choose("E1M1"); }, 900); }
  /** Show a released network. */
  choose(name) {
    this.stop();
    const counts = geomlib.home.counts[name] ?? Array(PAIRS).fill(1), least = Math.min(...counts);
    this.levels = counts.map((count) => count / least);
    this.name = name;
    this.partner = this.networks.baseline;
    this.about.textContent = `The released network ${name}, trained for ` +
      `${geomlib.home.steps.toLocaleString("en")} steps at 0.3 nats.`;
    this.turnTo(this.networks[name]);
  }
  turnTo(edges) {
    const from = this.edges;
    this.target = edges;
    this.tell();
    this.move(700, (part) => { this.edges = mix(from, edges, part); });
  }
  listen() {
    const { board } = this, cell = ({ offsetX, offsetY }) => {
      const at = (offset) => Math.min(Math.max(Math.floor((offset / board.clientWidth) * SIDE), 0), SIDE - 1);
      return at(offsetY) * SIDE + at(offsetX);
    };
    board.onpointerdown = (event) => {
      board.setPointerCapture(event.pointerId);
      this.cursor = cell(event);
      this.brush = this.levels[this.cursor] > 1 ? 1 : OFTEN;
      this.paint(this.cursor);
    };
    board.onpointermove = (event) => {
      if (!board.hasPointerCapture(event.pointerId) || !this.brush) return;
      this.cursor = cell(event);
      this.paint(this.cursor);
    };
    board.onpointerup = () => { this.brush = 0; this.later(); };
    board.onkeydown = (event) => {
      const by = { ArrowUp: -SIDE, ArrowDown: SIDE, ArrowLeft: -1, ArrowRight: 1 }[event.key], to = this.cursor + by;
      if (!by && event.key !== " " && event.key !== "Enter") return;
      event.preventDefault();
      if (!by) {
        this.paint(this.cursor, this.levels[this.cursor] > 1 ? 1 : OFTEN);
        this.later();
      } else if (to >= 0 && to < PAIRS &&
        (Math.abs(by) > 1 || Math.floor(to / SIDE) === Math.floor(this.cursor / SIDE)))
        this.cursor = to;
      this.draw();
    };
  }
  paint(pair, level = this.brush) {
    this.touched = true;
    this.stop();
    if (this.name) this.levels = this.levels.map((x) => (x > 1 ? OFTEN : 1));  // the page's own two levels
    this.name = "";
    this.levels[pair] = level;
    this.draw();
  }
  stop() {
    clearTimeout(this.waiting);
    for (const worker of this.workers ?? []) worker.terminate();
    this.workers = [];
    for (const button of this.buttons) button.setAttribute("aria-pressed", "false");
  }
  later() {
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.train(), 700);
  }
  /** Two small networks, alike in all but what they see; the one that sees all alike is trained once. */
  train() {
    if (!geomlib.engineRuns()) return this.say(geomlib.NO_ENGINE);
    const parts = [`globalThis.geomlib = { wasm: "${geomlib.wasm}" };`,
      ...[geomlib.defineEngine, geomlib.defineWorld, geomlib.homeWorker].map((part) => `(${part})();`)];
    const address = URL.createObjectURL(new Blob(parts, { type: "text/javascript" })), { spec } = this;
    const worlds = [this.levels, ...(this.alike ? [] : [Array(PAIRS).fill(1)])], steps = worlds.map(() => 0);
    this.workers = worlds.map((frequencies, k) => {
      const worker = new Worker(address);
      worker.onmessage = ({ data: { step, mean, variance } }) => {
        const edges = geomlib.resolution(mean, variance);
        steps[k] = step;
        if (k === 0) this.edges = this.target = [...edges];
        else if (step === spec.steps) this.alike = [...edges];
        this.trained(Math.min(...steps));
      };
      worker.onerror = (event) => this.say(`The training stopped: ${event.message}. Choose one of the three above.`);
      worker.postMessage({ frequencies, spec });
      return worker;
    });
    this.trained(0);
    this.say("");
  }
  /** What is known after some steps of both. */
  trained(step) {
    const { steps, capacity } = this.spec;
    this.about.textContent = step < steps
      ? `Two small networks train here, in this page: step ${step} of ${steps}.`
      : `A sketch, trained just now in this page: ${steps} steps at ${nats(capacity)}, beside a partner that saw all ` +
        "alike.";
    if (step === steps) {
      this.partner = this.alike;
      this.tell();
    }
    this.draw();
  }
  /** Resolution where stimuli are shown most and least, beside the partner's. */
  tell() {
    for (const button of this.buttons) button.setAttribute("aria-pressed", String(button.name === this.name));
    const [own, partner] = [this.target, this.partner].map((edges) => byFrequency(edges, this.levels));
    this.result = { own, partner };
    this.say("frequent" in own
      ? `Neighbours shown often: d′ ${number(own.frequent)}; neighbours shown rarely: ${number(own.rare)}, ` +
        `a ratio of ${number(own.frequent / own.rare)}. Where all are shown alike, the same two places have a ` +
        `ratio of ${number(partner.frequent / partner.rare)}.`
      : `With all shown alike, neighbours have a d′ of ${number(mean(this.target))} on average.`);
    this.lattice.setAttribute("aria-label", "Grid of the 169 stimuli; lines join neighbours, thick where they are " +
      `told apart. ${this.said.textContent}`);
  }
  render() {
    const { context, width } = this.context(this.board), { style } = this, cell = width / SIDE;
    const [row, column] = [Math.floor(this.cursor / SIDE), this.cursor % SIDE];
    for (let pair = 0; pair < PAIRS; pair++) {
      context.fillStyle = this.levels[pair] > 1 ? "#4a6fa5" : "#e8e4d8";
      context.fillRect((pair % SIDE) * cell, Math.floor(pair / SIDE) * cell, cell - 1, cell - 1);
    }
    if (document.activeElement === this.board) {
      context.strokeStyle = "#000";
      context.lineWidth = 3;
      context.strokeRect(column * cell, row * cell, cell - 1, cell - 1);
    }
    this.board.setAttribute("aria-label", `How often each stimulus is shown. Row ${row}, column ${column}: ` +
      `${this.levels[this.cursor] > 1 ? "often" : "rarely"}. Arrow keys move, space paints.`);
    const { context: other, width: size } = this.context(this.lattice);
    const at = (place) => (size / SIDE) * (place + 0.5);
    const colours = this.levels.map((level) => (level > 1 ? "#4a6fa5" : "#e8e4d8"));
    geomlib.drawNet(other, { x: (pair) => at(pair % SIDE), y: (pair) => at(Math.floor(pair / SIDE)),
      edges: this.edges, colours, style, radius: Math.max(2, size / 90), most: 0.6 });
  }
}

/* --- question ----------------------------------------------------------------------------------------------------- */

/** The map of a network that is asked a question, beside that of the baseline, in the colours of the answers. */
class Question extends Live {
  constructor() {
    const { tasks, models } = geomlib.home, names = Object.keys(tasks);
    super("question", `<div class="beside"><div class="asking"><div class="choice" role="group" aria-label="The question">
      ${names.map((name) => `<button type="button" name="${name}">${named(tasks[name].question)}</button>`).join("")}
      </div>
      ${sliderHtml("question-capacity", models.baseline)}</div>
      <div class="two"><div><p>Asked nothing</p><canvas class="map" role="img"></canvas></div>
      <div><p class="asked"></p><canvas class="map" role="img"></canvas></div></div>
      <p class="said" role="status"></p></div>`);
    const networks = Object.fromEntries(["baseline", ...names].map((name) => [name, stopsOf(name)]));
    Object.assign(this, { names, networks, slider: this.find("input"), output: this.find("output"),
      buttons: [...this.root.querySelectorAll("button")] });
    this.stop = Math.max(models.baseline.findIndex((network) => network.capacity === 3), 0);
    this.slider.value = this.stop;
    this.name = names[0];
    const taken = (name, stop) => {
      this.touched = true;
      this.choose(name, stop);
    };
    for (const button of this.buttons) button.onclick = () => taken(button.name, this.stop);
    this.slider.oninput = () => taken(this.name, Number(this.slider.value));
    const baseline = this.networks.baseline[this.stop];
    this.seen = still.matches ? null : [baseline, baseline];
    this.choose(this.name, this.stop, !still.matches);
    this.ready();
  }
  start() { this.choose(this.name, this.stop); }
  choose(name, stop, wait = false) {
    Object.assign(this, { name, stop });
    const to = [this.networks.baseline[stop], this.networks[name][stop]], from = this.seen ?? to;
    const { labels, question } = geomlib.home.tasks[name];
    const palette = geomlib.home.palettes[Math.max(...labels) === 1 ? 2 : 25];
    this.colours = labels.map((label) => palette[label]);
    for (const button of this.buttons) button.setAttribute("aria-pressed", String(button.name === name));
    this.output.textContent = nats(to[0].capacity);
    this.slider.setAttribute("aria-valuetext", nats(to[0].capacity));
    this.find(".asked").innerHTML = `Asked: ${named(question)}`;
    const [plain, asked] = to.map((network) => geomlib.acrossBorder(network.edges, labels));
    this.result = { plain, asked };
    this.say(`${name} at ${nats(to[0].capacity)}: neighbours with different answers have a d′ of ` +
      `${number(asked.border)}, neighbours with the same answer ` +
      `${number(asked.elsewhere)}: ${number(asked.border / asked.elsewhere, 1)} times as much. ` +
      `In the baseline: ${number(plain.border / plain.elsewhere, 1)} times.`);
    this.canvases.forEach((canvas, k) => canvas.setAttribute("aria-label",
      `Map of the 169 codes of ${k ? name : "the baseline"} at ${nats(to[k].capacity)}, coloured by the answer.`));
    if (!wait) this.move(1200, (part) => { this.seen = to.map((network, k) => between(from[k], network, part)); });
  }
  render() {
    if (!this.seen) return;
    const limit = reach(this.seen);          // one scale for both
    this.canvases.forEach((canvas, k) => this.drawMap(canvas, this.seen[k], this.colours, limit));
  }
}

Object.assign(geomlib, { costOf });
for (const [name, figure] of [["hand", Hand], ["capacity", Capacity], ["frequency", Frequency], ["question", Question]])
  if (document.getElementById(`fig-home-${name}`)) new figure();
}
