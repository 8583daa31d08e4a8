// The page Train: paint how often each pair is shown, press Train, and watch two networks learn, side by side.
"use strict";
{
const SIDE = 13, PAIRS = 169, DRAWS = 6;     // draws of each pair that a survey encodes
const LEVELS = "0123456789abcdefghijklmnopqrstuvwxyz";       // how often a pair is shown, one digit each
const TASKS = {                              // of geomlib/data.py: classes of a pair
  order: (uc, lc) => Number(uc <= lc),
  quadrant: (uc, lc) => Number(uc < 6 || lc >= 6),
  aligned: (uc, lc) => Number(uc === lc),
  region: (uc, lc) => Math.floor((uc + 1) / 3) * 5 + Math.floor((lc + 1) / 3),
  identity: (uc, lc) => SIDE * uc + lc,
};
const WORDS = { order: "is x_UC ≤ x_LC?", quadrant: "is x_UC < 6 or x_LC ≥ 6?", aligned: "is x_UC = x_LC?",
  region: "which of 25 regions?", identity: "which of the 169 pairs?" };
const PRESETS = {                            // name -> how often a pair is shown, in words
  uniform: [() => 4, "all alike"],
  bottom: [(uc, lc) => (lc <= 6 ? 31 : 4), "x_LC ≤ 6 more often (E1M1)"],
  diagonal: [(uc, lc) => (uc === lc ? 30 : 3), "x_UC = x_LC more often (E1M2)"],
  corner: [(uc, lc) => (uc < 5 && lc < 5 ? 32 : 2), "one corner more often"],
  stripe: [(uc, lc) => (Math.abs(uc - 6) < 2 ? 32 : 4), "a stripe more often"],
};
const BRUSHES = [[0, "never"], [1, "a quarter as often"], [4, "as often as usual"], [16, "4 times as often"],
  [32, "8 times as often"]];
const LENGTHS = [[500, "500 steps: a sketch"], [1200, "1,200 steps"], [5316, "5,316 steps: the paper's"]];
const VIRIDIS = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];
const still = matchMedia("(prefers-reduced-motion: reduce)");

const table = (of) => Uint8Array.from({ length: PAIRS }, (_, pair) => of(Math.floor(pair / SIDE), pair % SIDE));
const number = (x, digits = 2) => (Number.isFinite(x) ? x.toFixed(digits).replace("-", "−") : "–");
const options = (select, values) => select.replaceChildren(...values.map(([value, label]) => new Option(label, value)));

/** A colour between those of VIRIDIS, part in 0..1. */
function viridis(part) {
  const at = Math.min(Math.max(part, 0), 1) * (VIRIDIS.length - 1), i = Math.min(Math.floor(at), VIRIDIS.length - 2);
  return `rgb(${VIRIDIS[i].map((low, k) => Math.round(low + (at - i) * (VIRIDIS[i + 1][k] - low))).join(" ")})`;
}
const levelColour = (level) => (level ? viridis(0.15 + 0.85 * Math.log2(1 + level) / Math.log2(33)) : "rgb(20 10 30)");

/* --- workers ----------------------------------------------------------------------------------------------------- */

/** A network that trains, in a worker: answers each message with what is asked. */
geomlib.trainerWorker = function () {
  let engine, batch, recent = null;
  const jobs = {
    start({ heads, tables, settings, frequencies, seed, batch: size }) {
      if (!engine) {
        engine = new geomlib.Engine({ heads, batch: size });
        engine.wall.set(geomlib.wallTable());
      }
      engine.run.start(seed);
      engine.set(settings);
      engine.frequencies.set(frequencies);
      for (const task in tables) engine.heads[task].table.set(tables[task]);
      [batch, recent] = [size, null];
      return {};
    },
    /** Train for some steps. path: rate and reconstruction after each, as running means; survey: the mean codes. */
    advance({ steps, draws }) {
      const path = [], began = performance.now();
      for (let i = 0; i < steps; i++) {
        engine.run.step(batch);
        const state = engine.state(), seen = [state.rate, state.reconstruction, ...state.rates,
          ...Object.values(state.tasks).flat()];
        recent = recent ? recent.map((x, k) => x + 0.1 * (seen[k] - x)) : seen;
        path.push(recent[0], recent[1]);
      }
      const trained = performance.now() - began;
      if (draws) engine.run.survey(draws);
      return { path, trained, state: { ...engine.state(), recent }, mean: engine.surveyMean.slice(),
        variance: engine.surveyVariance.slice() };
    },
    weights() { return { values: engine.values().slice(), shapes: engine.shapes }; },
    limit({ frequencies }) { return geomlib.limitOf(frequencies); },
  };
  onmessage = ({ data: { id, job, given } }) => postMessage({ id, answer: jobs[job](given) });
};

/** A worker made from the page's own scripts, so that it starts from a file, too. */
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

/* --- the page ---------------------------------------------------------------------------------------------------- */

const NETWORK_HTML = (title, note) => `
<section class="codes" aria-label="${title}">
  <h2>${title}</h2><p class="about">${note}</p>
  <canvas class="plot" role="img" aria-label="Not trained yet"></canvas>
  <p class="note"></p>
  <div class="bars" role="img" aria-label="Rate of each latent: not trained yet"></div>
</section>`;

const TRAIN_HTML = `
<div class="panes">
  <div class="choices">
    <section aria-label="What the network sees">
      <h2>1 How often is each pair shown?</h2>
      <label>Start from <select name="preset"></select></label>
      <label>Brush <select name="brush"></select></label>
      <span class="pick"><canvas class="board" width="13" height="13" tabindex="0" role="application"
        aria-roledescription="board to paint on"></canvas><i></i></span>
      <p class="legend">x_UC ↓, x_LC →: drag to paint; by keys, arrows and space.</p>
    </section>
    <section class="asked" aria-label="What the network must do">
      <h2>2 How much may it tell, and what is asked?</h2>
      <label>Capacity C <output name="nats"></output><input type="range" name="capacity" min="0" max="1" step="0.01"></label>
      <div class="pair">
        <label>Task <select name="task"></select></label>
        <label>Seed <input type="number" name="seed" min="0" max="4294967295" step="1"></label>
      </div>
      <label>Length <select name="steps"></select></label>
    </section>
    <section class="go" aria-label="Training">
      <div class="buttons"><button type="button" name="train">Train</button>
        <button type="button" name="once">One step</button> <button type="button" name="reset">Reset</button></div>
      <progress max="1" value="0" aria-label="Progress of the training"></progress>
      <p class="status" role="status"></p>
    </section>
  </div>
  <div class="stage two">
    ${NETWORK_HTML("Your network", "Sees the pairs as painted, and is asked what you chose.")}
    ${NETWORK_HTML("Its matched partner", "Same seed, first weights and noise; sees all pairs alike, without a task.")}
    <p class="key wide"><label>Colour <select name="colour"></select></label>
      <span>Lines join neighbours: <b>thick</b> where the code tells them apart (resolution d' of 3 or more), faint where it
      can't.</span></p>
    <section class="plane" aria-label="Rate and distortion">
      <h2>Rate and distortion</h2>
      <canvas class="chart" role="img" aria-label="Error against rate: not trained yet"></canvas>
      <p class="legend"><span class="yours">━</span> yours <span class="theirs">━</span> partner <span>╌</span> least error that
        any code of the positions can have in your world</p>
    </section>
    <section class="measured" aria-label="Numbers">
      <h2>Numbers</h2>
      <table><thead><tr><th scope="col"></th><th scope="col">yours</th><th scope="col">partner</th><th scope="col">limit</th></tr>
        </thead><tbody></tbody></table>
      <p class="unsettled"></p>
    </section>
  </div>
</div>
<div class="command"><h2>Take it home</h2>
  <p><button type="button" name="download" disabled>Download the network</button>
  <button type="button" name="link">Copy a link to these settings</button></p>
  <ul><li><span>The same training with geomlib:</span><pre></pre><button type="button" name="copy">Copy</button></li></ul>
</div>
<p class="spoken" role="status"></p>`;

class TrainPage {
  /** spec: the defaults of geomlib.Spec; hash: the state to start with; changed(hash) is called when it changes. */
  constructor(root, { spec, hash = "", changed = () => {} }) {
    root.innerHTML = TRAIN_HTML;
    const find = (selector) => root.querySelector(selector), named = (name) => find(`[name=${name}]`);
    Object.assign(this, { root, spec, changed, batch: 128, cursor: 84, step: 0, paths: [[], []], seen: [null, null],
      limits: {}, board: find(".board"), chart: find(".chart"), status: find(".status"), spoken: find(".spoken"),
      progress: find("progress"), rows: find("tbody"), code: find("pre"), unsettled: find(".unsettled"),
      plots: [...root.querySelectorAll(".plot")], notes: [...root.querySelectorAll(".codes .note")],
      bars: [...root.querySelectorAll(".bars")] });
    for (const name of ["preset", "brush", "capacity", "nats", "task", "seed", "steps", "train", "once", "reset", "colour",
      "download", "link", "copy"]) this[`${name}Control`] = named(name);
    options(this.presetControl, [...Object.entries(PRESETS).map(([name, [, words]]) => [name, words]), ["own", "your own"]]);
    options(this.brushControl, BRUSHES);
    options(this.taskControl, [["none", "none"], ...Object.keys(TASKS).map((task) => [task, `${task}: ${WORDS[task]}`])]);
    options(this.stepsControl, LENGTHS);
    options(this.colourControl, [["uc", "x_UC"], ["lc", "x_LC"], ["shown", "how often shown"], ["class", "class of the task"]]);
    this.brushControl.value = "32";
    this.listen();
    this.restyle();
    this.set(hash);
    this.resized = new ResizeObserver(() => this.resize());
    for (const canvas of [...this.plots, this.chart]) this.resized.observe(canvas);
    this.themed = new MutationObserver(() => { this.restyle(); this.draw(); });
    for (const element of [document.documentElement, document.body]) this.themed.observe(element, { attributes: true });
  }

  listen() {
    const cell = ({ offsetX, offsetY }) => {
      const at = (offset) => Math.min(Math.max(Math.floor((offset / this.board.clientWidth) * SIDE), 0), SIDE - 1);
      return at(offsetY) * SIDE + at(offsetX);
    };
    this.presetControl.onchange = () => {
      if (this.presetControl.value !== "own") this.paintAll(table(PRESETS[this.presetControl.value][0]));
    };
    this.board.onpointerdown = (event) => {
      this.board.setPointerCapture(event.pointerId);
      this.cursor = cell(event);
      this.paint([this.cursor]);
    };
    this.board.onpointermove = (event) => {
      if (!this.board.hasPointerCapture(event.pointerId) || cell(event) === this.cursor) return;
      const from = this.cursor, to = cell(event);            // and what a quick stroke passed between them
      const [y, x, v, u] = [Math.floor(from / SIDE), from % SIDE, Math.floor(to / SIDE), to % SIDE];
      const count = Math.max(Math.abs(v - y), Math.abs(u - x));
      const along = (a, b, k) => Math.round(a + ((b - a) * k) / count);
      this.paint(Array.from({ length: count }, (_, k) => along(y, v, k + 1) * SIDE + along(x, u, k + 1)));
      this.cursor = to;
    };
    this.board.onpointerup = this.board.onlostpointercapture = () => this.settle();
    this.board.onkeydown = (event) => {
      const row = Math.floor(this.cursor / SIDE), column = this.cursor % SIDE, { key } = event;
      const to = { ArrowUp: [row - 1, column], ArrowDown: [row + 1, column],
        ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1] }[key];
      if (!to && key !== " " && key !== "Enter") return;
      event.preventDefault();
      if (!to) {
        this.paint([this.cursor]);
        this.settle();
      } else if (to.every((x) => x >= 0 && x < SIDE)) this.cursor = to[0] * SIDE + to[1];
      this.spoken.textContent = `x_UC ${Math.floor(this.cursor / SIDE)}, x_LC ${this.cursor % SIDE}: ${this.levels[this.cursor]}`;
      this.drawBoard();
    };
    this.capacityControl.oninput = () => { this.capacity = natsAt(Number(this.capacityControl.value)); this.showCapacity(); };
    this.capacityControl.onchange = () => this.settle();
    this.taskControl.onchange = () => {
      this.colourControl.value = this.taskControl.value === "none" ? this.plainColour() : "class";
      this.settle();
    };
    this.seedControl.onchange = () => {
      const seed = Math.round(Number(this.seedControl.value));
      this.seedControl.value = Number.isFinite(seed) ? Math.min(Math.max(seed, 0), 2 ** 32 - 1) : 0;
      this.settle();
    };
    this.stepsControl.onchange = () => this.settle();
    this.colourControl.onchange = () => this.draw();
    this.trainControl.onclick = () => (this.running ? this.pause() : this.train());
    this.onceControl.onclick = () => this.advanceOnce();
    this.resetControl.onclick = () => this.reset();
    this.downloadControl.onclick = () => this.download();
    const copy = async (button, text) => {
      const before = button.textContent;
      try {
        await navigator.clipboard.writeText(text);
        button.textContent = this.spoken.textContent = "Copied";
      } catch {                              // not allowed here: leave it marked for the reader to copy
        this.say(button === this.linkControl ? "Copy the address of this page." : "Press Ctrl+C.");
        if (button === this.copyControl) getSelection().selectAllChildren(this.code);
      }
      setTimeout(() => { button.textContent = before; }, 2000);
    };
    this.copyControl.onclick = () => copy(this.copyControl, this.code.textContent);
    this.linkControl.onclick = () => copy(this.linkControl, `${location.href.split("#")[0]}#${this.hash()}`);
  }

  paint(cells) {
    for (const cell of cells) this.levels[cell] = Number(this.brushControl.value);
    this.presetControl.value = this.preset();
    this.drawBoard();
  }
  paintAll(levels) {
    this.levels = levels;
    this.settle();
  }
  preset() {
    return Object.keys(PRESETS).find((name) => table(PRESETS[name][0]).every((x, i) => x === this.levels[i])) ?? "own";
  }
  plainColour() { return this.preset() === "uniform" ? "uc" : "shown"; }
  labels() { return this.taskControl.value === "none" ? null : table(TASKS[this.taskControl.value]); }
  showCapacity() {
    this.natsControl.textContent = `${geomlib.plainNumber(this.capacity)} nats`;
    this.capacityControl.setAttribute("aria-valuetext", this.natsControl.textContent);
  }

  /** What a change of the settings entails: the address, the lines to copy; what was trained is of other settings. */
  settle() {
    const hash = this.hash();
    if (hash === this.settled) return;
    if (this.settled !== undefined && this.preset() !== new URLSearchParams(this.settled).get("counts") &&
      this.taskControl.value === "none") this.colourControl.value = this.plainColour();
    this.settled = hash;
    this.presetControl.value = this.preset();
    this.code.textContent = this.lines();
    this.changed(hash);
    this.stale = this.step > 0 && hash !== this.trainedHash;
    if (this.running) this.pause();
    this.tell();
    this.draw();
  }

  /* --- training -------------------------------------------------------------------------------------------------- */

  /** Two new networks of these settings; false where there is nothing to show them. */
  async begin() {
    if (!this.levels.some((level) => level)) {
      this.say("All pairs are painted “never”: paint at least one that is shown.");
      return false;
    }
    for (const helper of this.helpers ?? []) helper.close();
    this.forget();
    const failed = (message) => {
      this.pause();
      this.say(`The training stopped: ${message}. Reset starts it anew.`);
    };
    this.trainedHash = this.hash();
    this.total = Number(this.stepsControl.value);
    this.trainedSpec = this.specText();
    const task = this.taskControl.value, labels = this.labels(), seed = Number(this.seedControl.value);
    const settings = { capacity: this.capacity, steps: this.total, stepsPerEpoch: Math.min(1329, this.total),
      learningRate: this.spec.learning_rate, decay: this.spec.decay, cooldown: this.spec.cooldown };
    const common = { settings, seed, batch: this.batch };
    this.helpers = [new Helper(failed), new Helper(failed), new Helper(failed)];
    const [own, other] = this.helpers;
    const heads = labels ? { [task]: Math.max(...labels) + 1 } : {};
    await Promise.all([
      own.ask("start", { ...common, heads, tables: labels ? { [task]: labels } : {}, frequencies: Float64Array.from(this.levels) }),
      other.ask("start", { ...common, heads: {}, tables: {}, frequencies: new Float64Array(PAIRS).fill(1) })]);
    this.findLimit(Float64Array.from(this.levels));
    return true;
  }

  /** The limit of the painted world, in a worker of its own; known ones are kept. */
  async findLimit(frequencies) {
    const key = String(frequencies), helper = this.helpers[2];
    this.limit = this.limits[key] ?? null;
    if (!this.limit) {
      const found = this.limits[key] = await helper.ask("limit", { frequencies });
      if (this.helpers?.[2] === helper) this.limit = found;
    }
    this.draw();
  }

  /** Whether there are two networks that can go on; new ones are made where there are none, or of other settings. */
  async ready() {
    if (this.starting || this.busy) return false;
    if (!this.stale && this.helpers && this.step < this.total) return true;
    this.starting = true;
    const begun = await this.begin();
    this.starting = false;
    return begun;
  }

  async train() {
    if (!(await this.ready())) return;
    this.running = true;
    let chunk = 4;
    this.tell();
    while (this.running) {
      const began = performance.now();
      await this.advance(Math.min(chunk, this.total - this.step));
      const took = performance.now() - began;
      chunk = Math.min(Math.max(Math.round((chunk * 350) / Math.max(took, 20)), 1), 60);
      if (this.step >= this.total) {
        this.running = false;
        this.spoken.textContent = `Trained. ${this.rows.textContent}`;
      }
    }
    this.tell();
  }

  async advanceOnce() {
    if (!(await this.ready())) return;
    await this.advance(1);
    this.tell();
  }

  /** Both networks take some steps, and are looked at. */
  async advance(steps) {
    const { helpers } = this, began = performance.now();
    this.busy = true;
    const answers = await Promise.all(helpers.slice(0, 2).map((helper) => helper.ask("advance", { steps, draws: DRAWS })));
    this.busy = false;
    if (helpers !== this.helpers) return;    // reset meanwhile
    this.step += steps;
    this.pace = (performance.now() - began) / steps;
    this.trainedMs = answers[0].trained / steps;
    answers.forEach((answer, k) => {
      this.paths[k].push(...answer.path);
      const { points, share } = geomlib.planeOf(answer.mean);
      this.seen[k] = { ...answer, points, share, edges: geomlib.resolution(answer.mean, answer.variance),
        from: this.seen[k]?.shown ?? points, shown: this.seen[k]?.shown ?? points };
    });
    this.moved = performance.now();
    this.tell();
    this.draw();
  }

  pause() {
    this.running = false;
    this.tell();
  }

  /** Forget what was trained. */
  forget() {
    Object.assign(this, { step: 0, paths: [[], []], seen: [null, null], stale: false, helpers: null, pace: 0, limit: null,
      busy: false });
  }
  reset() {
    this.running = false;
    for (const helper of this.helpers ?? []) helper.close();
    this.forget();
    this.tell();
    this.draw();
  }

  /** Where the training stands, in words. */
  tell() {
    const done = this.step && this.step >= this.total;
    this.trainControl.textContent = this.running ? "Pause" : !this.step ? "Train" : this.stale || done ? "Train anew" : "Go on";
    this.onceControl.disabled = this.running;
    this.resetControl.disabled = !this.step;
    this.downloadControl.disabled = !this.step;
    this.progress.value = this.step ? this.step / this.total : 0;
    const left = ((this.total - this.step) * this.pace) / 1000;
    this.unsettled.textContent = this.step && !done ? "Not finished: these numbers still move." : "";
    this.say(!this.step ? (this.running ? "Starting …" : "") : this.stale
      ? `You see the network of the settings before. “Train anew” starts with yours.`
      : `Step ${this.step} of ${this.total}` + (done ? ": done." : this.running && this.pace
        ? `, about ${left < 90 ? `${Math.ceil(left)} s` : `${Math.ceil(left / 60)} min`} left.` : ": paused."));
  }
  say(message) { if (this.status.textContent !== message) this.status.textContent = message; }

  /* --- drawing ---------------------------------------------------------------------------------------------------- */

  restyle() {
    const style = getComputedStyle(this.root), value = (name) => style.getPropertyValue(name).trim();
    this.style = { ink: value("--ink"), soft: value("--soft"), ground: value("--ground"), line: value("--line"),
      yours: value("--yours"), theirs: value("--theirs"), font: `12px ${style.fontFamily}` };
  }
  resize() {
    for (const canvas of [...this.plots, this.chart]) {
      canvas.width = Math.round(canvas.clientWidth * devicePixelRatio);
      canvas.height = Math.round(canvas.clientHeight * devicePixelRatio);
    }
    this.render();
  }
  draw() { this.frame ||= requestAnimationFrame(() => this.render()); }

  render() {
    this.frame = 0;
    if (!this.plots[0].clientWidth) return;
    const part = still.matches ? 1 : Math.min((performance.now() - this.moved) / 300, 1);
    for (const seen of this.seen) if (seen) {
      seen.shown = seen.points.map((x, i) => seen.from[i] + part * (x - seen.from[i]));
    }
    this.drawBoard();
    const colours = this.colours();
    let limit = 0.3;                         // one scale for both, so that sizes can be compared
    for (const seen of this.seen) if (seen) for (const x of seen.shown) limit = Math.max(limit, Math.abs(x));
    this.plots.forEach((plot, k) => this.drawMap(plot, this.seen[k], colours, limit));
    this.drawChart();
    this.drawNumbers();
    if (part < 1 && this.seen[0]) this.draw();
  }

  drawBoard() {
    const context = this.board.getContext("2d"), mark = this.board.nextElementSibling;
    this.levels.forEach((level, pair) => {
      context.fillStyle = levelColour(level);
      context.fillRect(pair % SIDE, Math.floor(pair / SIDE), 1, 1);
    });
    mark.style.setProperty("--row", Math.floor(this.cursor / SIDE));
    mark.style.setProperty("--column", this.cursor % SIDE);
    this.board.setAttribute("aria-label", `How often each pair is shown, x_UC down, x_LC across: ` +
      `${this.presetControl.selectedOptions[0]?.text}. Arrow keys move, space paints with the brush.`);
  }

  colours() {
    const by = this.colourControl.value, labels = this.labels();
    if (by === "class" && labels) {
      const most = Math.max(...labels);
      return Array.from(labels, (k) => (most === 1 ? ["#d9b38c", "#2166ac"][k] : viridis(k / most)));
    }
    if (by === "shown") return Array.from(this.levels, levelColour);
    return Array.from({ length: PAIRS }, (_, pair) => viridis((by === "lc" ? pair % SIDE : Math.floor(pair / SIDE)) / 12));
  }

  drawMap(canvas, seen, colours, limit) {
    const context = canvas.getContext("2d"), size = canvas.clientWidth, ratio = canvas.width / size;
    const scale = (size / 2 - 16) / limit, radius = Math.max(2.5, size / 120);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, size, size);
    if (!seen) {
      context.font = this.style.font;
      context.fillStyle = this.style.soft;
      context.textAlign = "center";
      return context.fillText("Press Train.", size / 2, size / 2);
    }
    const x = (pair) => size / 2 + scale * seen.shown[2 * pair], y = (pair) => size / 2 - scale * seen.shown[2 * pair + 1];
    context.strokeStyle = this.style.ink;
    context.lineCap = "round";
    geomlib.EDGES.forEach(([a, b], i) => {
      const strong = Math.sqrt(Math.min(seen.edges[i] / 3, 1));
      context.globalAlpha = 0.08 + 0.82 * strong;
      context.lineWidth = 0.75 + 2.25 * strong;
      context.beginPath();
      context.moveTo(x(a), y(a));
      context.lineTo(x(b), y(b));
      context.stroke();
    });
    context.globalAlpha = 1;
    context.lineWidth = 0.75;
    for (let pair = 0; pair < PAIRS; pair++) {
      context.beginPath();
      context.arc(x(pair), y(pair), radius, 0, 2 * Math.PI);
      context.fillStyle = colours[pair];
      context.fill();
      context.stroke();
    }
    const length = limit > 1.4 ? 1 : 0.1;    // a bar, for the scale
    context.fillStyle = this.style.soft;
    context.fillRect(size - 12 - scale * length, size - 10, scale * length, 2);
    context.font = this.style.font;
    context.textAlign = "center";
    context.fillText(String(length), size - 12 - (scale * length) / 2, size - 14);
  }

  /** The path of both networks in the plane of rate and error, and the limit. */
  drawChart() {
    const { chart: canvas, style, limit } = this, context = canvas.getContext("2d");
    const [width, height, ratio] = [canvas.clientWidth, canvas.clientHeight, canvas.width / canvas.clientWidth];
    const [left, right, top, bottom] = [56, 10, 10, 34];
    let reached = 0;                         // with a task a rate starts far above its capacity
    for (const path of this.paths) for (let i = 0; i < path.length; i += 2) reached = Math.max(reached, path[i]);
    const most = Math.max(1.4 * this.capacity, 0.5, Math.min(1.05 * reached, 4 * this.capacity)), [low, high] = [0.04, 0.2];
    const x = (rate) => left + (rate / most) * (width - left - right);
    const y = (error) => height - bottom - ((error - low) / (high - low)) * (height - top - bottom);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    context.font = style.font;
    context.fillStyle = style.soft;
    context.strokeStyle = style.line;
    context.lineWidth = 1;
    context.textAlign = "right";
    for (const error of [0.05, 0.1, 0.15, 0.2]) {
      context.fillText(String(error), left - 6, y(error) + 4);
      line([[left, y(error)], [width - right, y(error)]]);
    }
    context.textAlign = "center";
    const tick = most > 6 ? 3 : most > 2 ? 1 : most > 0.8 ? 0.5 : 0.1;
    for (let rate = 0; rate <= most; rate += tick) context.fillText(geomlib.plainNumber(rate), x(rate), height - bottom + 16);
    context.fillText("rate (nats)", left + (width - left - right) / 2, height - 4);
    context.save();
    context.translate(11, top + (height - top - bottom) / 2);
    context.rotate(-Math.PI / 2);
    context.fillText("error of a pixel", 0, 0);
    context.restore();
    context.save();
    context.beginPath();
    context.rect(left, top, width - left - right, height - top - bottom);
    context.clip();
    context.setLineDash([2, 4]);
    context.strokeStyle = style.soft;
    line([[x(this.capacity), top], [x(this.capacity), height - bottom]]);
    context.setLineDash([6, 4]);
    context.strokeStyle = style.ink;
    context.lineWidth = 1.5;
    if (limit) line(limit.codes.map(({ rate, error }) => [x(rate), y(error)]).concat([[width, y(limit.floor)]]));
    context.setLineDash([]);
    context.lineWidth = 2;
    [style.yours, style.theirs].map((colour, k) => [colour, k]).reverse().forEach(([colour, k]) => {
      const path = this.paths[k];
      if (!path.length) return;
      context.strokeStyle = context.fillStyle = colour;
      line(Array.from({ length: path.length / 2 }, (_, i) => [x(path[2 * i]), y(path[2 * i + 1])]));
      context.beginPath();
      context.arc(x(path.at(-2)), y(path.at(-1)), 4.5, 0, 2 * Math.PI);
      context.fill();
    });
    context.restore();
    canvas.setAttribute("aria-label", "Error against rate. " + (this.seen[0] ? ["Yours", "The partner"].map((who, k) =>
      `${who}: ${number(this.paths[k].at(-2))} nats, error ${number(this.paths[k].at(-1), 4)}.`).join(" ") : "Not trained yet."));

    function line(points) {
      context.beginPath();
      points.forEach(([px, py], i) => (i ? context.lineTo(px, py) : context.moveTo(px, py)));
      context.stroke();
    }
  }

  drawNumbers() {
    const labels = this.labels(), [own, other] = this.seen, frequencies = Array.from(this.levels);
    if (!own) {
      this.rows.replaceChildren();
      for (const k of [0, 1]) {
        [this.notes[k].textContent, this.bars[k].innerHTML] = ["", ""];
        this.bars[k].setAttribute("aria-label", "Rate of each latent: not trained yet");
      }
      this.plots.forEach((plot) => plot.setAttribute("aria-label", "Mean codes of the 169 pairs: not trained yet"));
      return;
    }
    const limit = this.limit && geomlib.limitAt(this.limit, own.state.recent[0]);
    const all = [own, other, limit].map((seen) => (seen ? geomlib.claims(seen.edges, frequencies, labels) : {}));
    const row = (name, values, digits = 2) => [name, ...values.map((value) => number(value, digits))];
    const rows = [
      row("rate (nats)", [own.state.recent[0], other.state.recent[0], own.state.recent[0]]),
      row("error of a pixel", [own.state.recent[1], other.state.recent[1], limit?.error], 4),
      row("price λ of a nat", [own.state.price, other.state.price, limit?.price], 4),
      row("resolution d', mean", all.map(({ mean }) => mean)),
    ];
    if ("frequent" in all[0]) rows.push(row("… where shown most", all.map(({ frequent }) => frequent)),
      row("… where shown least", all.map(({ rare }) => rare)),
      row("… grows with frequency to the power", all.map(({ exponent }) => exponent)));
    if (labels) rows.push(row("… across the task's borders", all.map(({ border }) => border)),
      row("… elsewhere", all.map(({ elsewhere }) => elsewhere)),
      row("right answers (share)", [own.state.recent.at(-1), NaN, NaN]));
    this.rows.replaceChildren(...rows.map(([name, ...values]) => {
      const line = document.createElement("tr");
      line.innerHTML = `<th scope="row"></th>${values.map(() => "<td></td>").join("")}`;
      line.firstChild.textContent = name;
      values.forEach((value, i) => { line.children[i + 1].textContent = value; });
      return line;
    }));
    [own, other].forEach((seen, k) => {
      const rates = seen.state.recent.slice(2, 7), used = rates.filter((rate) => rate > 0.01).length;
      this.notes[k].textContent = `${Math.round(100 * seen.share)} % of the code's spread lies in this plane. ` +
        `Neighbours are told apart in ${Math.round(100 * mean(seen.edges, geomlib.toldApart))} % of trials (50 % is guessing).`;
      this.bars[k].setAttribute("aria-label", `Rate of each latent in nats: ${rates.map((rate) => number(rate)).join(", ")}`);
      this.bars[k].innerHTML = rates.map((rate, d) => `<span><i style="--part: ${Math.min(rate / Math.max(this.capacity, 0.1), 1)}"></i>` +
        `z<sub>${d + 1}</sub> ${number(rate)}</span>`).join("");
      this.plots[k].setAttribute("aria-label", `Mean codes of the 169 pairs in ${k ? "the partner" : "your network"} after ` +
        `${this.step} steps; ${used} of ${rates.length} latents in use, mean resolution ${number(mean(seen.edges, (d) => d))}.`);
    });

    function mean(edges, of) { return edges.reduce((sum, d) => sum + of(d), 0) / edges.length; }
  }

  /* --- what a reader takes along --------------------------------------------------------------------------------- */

  /** The state as the part of an address after #, and back. */
  hash() {
    const name = this.preset(), state = new URLSearchParams();
    state.set("counts", name === "own" ? Array.from(this.levels, (level) => LEVELS[level]).join("") : name);
    state.set("capacity", geomlib.plainNumber(this.capacity));
    state.set("task", this.taskControl.value);
    state.set("seed", this.seedControl.value);
    state.set("steps", this.stepsControl.value);
    return state.toString();
  }

  set(hash) {
    const state = new URLSearchParams(hash.replace(/^#/, "")), counts = state.get("counts") ?? "uniform", wrong = [];
    const own = new RegExp(`^[0-9a-z]{${PAIRS}}$`).test(counts) && Array.from(counts, (digit) => LEVELS.indexOf(digit));
    if (!own && !(counts in PRESETS)) wrong.push(`counts ${counts.slice(0, 20)}: neither a name nor 169 digits`);
    this.levels = own ? Uint8Array.from(own) : table(PRESETS[counts in PRESETS ? counts : "uniform"][0]);
    const nats = Number(state.get("capacity") ?? 0.3);
    if (!(nats >= 0.1 && nats <= 12)) wrong.push(`capacity ${state.get("capacity")}: 0.1 to 12 nats`);
    this.capacity = nats >= 0.1 && nats <= 12 ? nats : 0.3;
    this.capacityControl.value = Math.log(this.capacity / 0.1) / Math.log(120);
    const pick = (select, name, otherwise) => {
      const value = state.get(name) ?? otherwise;
      const known = [...select.options].some((option) => option.value === value);
      if (!known) wrong.push(`${name} ${value} is not known`);
      select.value = known ? value : otherwise;
    };
    pick(this.taskControl, "task", "none");
    pick(this.stepsControl, "steps", "500");
    const seed = Number(state.get("seed") ?? 0);
    this.seedControl.value = Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32 ? seed : 0;
    this.presetControl.value = this.preset();
    this.colourControl.value = this.taskControl.value !== "none" ? "class" : this.plainColour();
    this.showCapacity();
    this.settle();
    if (wrong.length) this.say(`Not taken from the address: ${wrong.join("; ")}.`);
  }

  /** Python that trains the same thing. */
  lines() {
    const name = this.preset(), task = this.taskControl.value, fields = [];
    const rows = Array.from({ length: SIDE }, (_, uc) =>
      Array.from(this.levels.slice(SIDE * uc, SIDE * (uc + 1)), (level) => LEVELS[level]).join(""));
    if (name !== "uniform") fields.push("counts=counts");
    if (task !== "none") fields.push(`tasks=["${task}"]`);
    fields.push(`capacity=${geomlib.plainNumber(this.capacity)}`, `seed=${this.seedControl.value}`, `steps=${this.stepsControl.value}`);
    return [
      ...(name === "uniform" ? [] : ["import numpy as np"]), "import geomlib as g", "",
      ...(name === "uniform" ? [] : ["# images of each pair, a row for each x_UC",
        `rows = "${rows.join(" ")}".split()`,
        `counts = np.array([[int(digit, 36) for digit in row] for row in rows]) * ${this.images()}`]),
      `(run,) = g.fit([g.Spec(${fields.join(", ")})])`,
    ].join("\n");
  }
  /** Images of a pair for each unit of its level, so that a set has about 200,000. */
  images() { return Math.max(Math.round(200_000 / this.levels.reduce((a, b) => a + b, 0)), 1); }

  /** The spec of the network in the form of geomlib/runs.py. */
  specText() {
    const task = this.taskControl.value, rows = (values) => Array.from({ length: SIDE }, (_, uc) =>
      Array.from(values.slice(SIDE * uc, SIDE * (uc + 1))));
    const steps = this.total;
    return JSON.stringify({ ...this.spec, capacity: this.capacity, seed: Number(this.seedControl.value), steps,
      steps_per_epoch: Math.min(1329, steps), batch_size: this.batch, train_end: null, validation_end: null,
      counts: this.preset() === "uniform" ? "uniform" : rows(Array.from(this.levels, (level) => level * this.images())),
      tasks: task === "none" ? {} : { [task]: rows(this.labels()) } });
  }

  /** The network as a safetensors file: float32, with its spec. */
  async file() {
    const { values, shapes } = await this.helpers[0].ask("weights"), header = { __metadata__: {
      spec: this.trainedSpec, steps_done: String(this.step), made_by: "the page Train of geomlib's book" } };
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
  async download() {
    const address = URL.createObjectURL(new Blob([await this.file()])), link = document.createElement("a");
    Object.assign(link, { href: address, download: "network.safetensors" });
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
  }

  close() {
    this.running = false;
    for (const helper of this.helpers ?? []) helper.close();
    this.resized.disconnect();
    this.themed.disconnect();
    cancelAnimationFrame(this.frame);
  }
}

/** Capacity at a place (0..1) of its slider, 0.1 to 12 nats: two digits. */
function natsAt(part) {
  return Number((0.1 * 120 ** part).toPrecision(2));
}

/** Put the page Train into an element; see TrainPage. */
geomlib.train = (root, given) => {
  if (!geomlib.engineRuns()) return (root.textContent = geomlib.NO_ENGINE);
  return (root.trainer = new TrainPage(root, given));
};

/** The book's page: the state is in the address. */
geomlib.trainBook = (root) => {
  const page = geomlib.train(root, { spec: geomlib.spec, hash: location.hash,
    changed: (hash) => history.replaceState(null, "", `#${hash}`) });
  addEventListener("hashchange", () => location.hash.includes("=") && page.set(location.hash));
};
Object.assign(geomlib, { plainNumber: (x) => String(Math.round(x * 100) / 100) });
}
