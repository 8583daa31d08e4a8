// The page Train: paint how often each pair is shown, press Train, and watch two networks learn, side by side.
"use strict";
{
const { SIDE, PAIRS, USUAL, TASKS, QUESTIONS, PRESETS } = geomlib;
const DRAWS = 6;                             // of each pair, that a survey encodes
const BRUSHES = [[0, "never"], [0.25, "a quarter as often"], [1, "as often as usual"], [4, "4 times as often"],
  [8, "8 times as often"]];
const CLASSES = ["class 1", "class 2", "class 3", "class 4"];
const LENGTHS = [[500, "500 steps: a sketch"], [1200, "1,200 steps"], [5316, "5,316 steps"], [7974, "7,974 steps: the paper's"]];
const SLOW = 400;                            // ms between the steps of slow motion
const ACTIVE = 0.01;                         // nats: a latent with a larger rate carries something
const MOST_TABLE = 100_000, MOST_FILE = 64 * 2 ** 20;        // bytes of a table of counts, and of any file
const still = matchMedia("(prefers-reduced-motion: reduce)");

const number = (x, digits = 2) => (Number.isFinite(x) ? x.toFixed(digits).replace("-", "−") : "–");
const options = (select, values) => select.replaceChildren(...values.map(([value, label]) => new Option(label, value)));
const columns = (pair) => `x_UC ${Math.floor(pair / SIDE)}, x_LC ${pair % SIDE}`;

const BOARD_HTML = (name) => `<span class="pick"><canvas class="board ${name}" width="13" height="13" tabindex="0"
  role="application" aria-roledescription="board to paint on"></canvas><i></i></span>`;

const NETWORK_HTML = (title, note) => `
<section class="codes" aria-label="${title}">
  <h2>${title}</h2><p class="about">${note}</p>
  <canvas class="plot" tabindex="0" role="application" aria-roledescription="map of stimuli" aria-label="Not trained yet"></canvas>
  <p class="note"></p>
  <div class="bars" role="img" aria-label="Rate of each latent: not trained yet"></div>
</section>`;

const IMAGE_HTML = (title) => `<figure><figcaption>${title}</figcaption>
  <canvas class="image" width="13" height="13" role="img" aria-label="${title}"></canvas></figure>`;

const TRAIN_HTML = `
<div class="panes">
  <div class="choices">
    <section aria-label="What the network sees">
      <h2>1 How often is each pair shown?</h2>
      <label>Start from <select name="preset"></select></label>
      <label>Brush <select name="brush"></select></label>
      ${BOARD_HTML("counts")}
      <p class="legend">x_UC ↓, x_LC →: drag to paint; by keys, arrows and space.</p>
      <button type="button" name="opentable">Open a table of counts …</button>
    </section>
    <section class="asked" aria-label="What the network must do">
      <h2>2 How much may it tell, and what is asked?</h2>
      <label>Capacity C <output name="nats"></output><input type="range" name="capacity" min="0" max="1" step="0.01"></label>
      <label>Task <select name="task"></select></label>
      <div class="painted" hidden>
        <label>Brush <select name="class"></select></label>
        ${BOARD_HTML("classes")}
      </div>
      <div class="pair">
        <label>Length <select name="steps"></select></label>
        <label>Seed <input type="number" name="seed" min="0" max="4294967295" step="1"></label>
      </div>
    </section>
    <section class="go" aria-label="Training">
      <div class="buttons"><button type="button" name="train">Train</button>
        <button type="button" name="once">One step</button> <button type="button" name="reset">Reset</button></div>
      <label class="slowly"><input type="checkbox" name="slow"> Slow motion</label>
      <progress max="1" value="0" aria-label="Progress of the training"></progress>
      <p class="status" role="status"></p>
      <p class="told" role="status"></p>
    </section>
  </div>
  <div class="stage two">
    ${NETWORK_HTML("Your network", "Sees the pairs as painted, and is asked what you chose.")}
    ${NETWORK_HTML("Its matched partner", "Same seed, first weights and noise; sees all pairs alike, without a task.")}
    <p class="key wide"><label>Colour <select name="colour"></select></label>
      <span>Lines join neighbours: <b>thick</b> where the code tells them apart (resolution d' of 3 or more), faint where it
      can't.</span></p>
    <section class="seen wide" aria-label="One stimulus">
      <h2>What they make of one stimulus</h2>
      <div class="images">${["Stimulus", "Yours", "Partner's"].map(IMAGE_HTML).join("")}</div>
      <p class="about"></p>
    </section>
    <section class="plane" aria-label="Rate and distortion">
      <h2>Rate and distortion</h2>
      <canvas class="chart" role="img" aria-label="Error against rate: not trained yet"></canvas>
      <p class="legend"><span class="yours">━</span> yours <span class="theirs">━</span> partner <span>╌</span> least error that
        any code of the positions can have in your world</p>
    </section>
    <section class="measured" aria-label="Numbers">
      <h2>Numbers</h2>
      <table><thead><tr><td></td><th scope="col">yours</th><th scope="col">partner</th><th scope="col">limit</th></tr>
        </thead><tbody></tbody></table>
      <p class="unsettled"></p>
    </section>
  </div>
</div>
<section class="runs" aria-label="Your runs"></section>
<div class="command"><h2>Take it home, or bring one</h2>
  <p class="buttons"><button type="button" name="download" disabled>Download the network</button>
  <button type="button" name="opennetwork">Open a network …</button>
  <button type="button" name="link">Copy a link to these settings</button></p>
  <p class="legend">A network of this page is one file. A run of geomlib is two: choose weights.safetensors and spec.json of its
    folder together. Files can also be dropped anywhere here.</p>
  <ul><li><span>The same training with geomlib:</span><pre tabindex="0" aria-label="Python"></pre><button type="button" name="copy">Copy</button></li></ul>
</div>
<input type="file" multiple hidden>
<p class="spoken" role="status"></p>`;

class TrainPage {
  /**
   * spec           the defaults of geomlib.Spec       hash   the settings to start with, as an address
   * changed(hash)  is called when they change         store  of the browser, to keep the list of runs in; or null
   * trained(file)  is called with the bytes of each network that has finished
   */
  constructor(root, { spec, hash = "", changed = () => {}, store = null, trained = null }) {
    root.innerHTML = TRAIN_HTML;
    const find = (selector) => root.querySelector(selector);
    Object.assign(this, { root, spec, changed, trained, batch: 128, pair: 48, image: new Float32Array(PAIRS), limits: {},
      chart: find(".chart"), status: find(".status"), told: find(".told"), spoken: find(".spoken"), progress: find("progress"),
      rows: find("tbody"), code: find("pre"), unsettled: find(".unsettled"), picker: find("[type=file]"),
      painted: find(".painted"), about: find(".seen .about"), plots: [...root.querySelectorAll(".codes .plot")],
      images: [...root.querySelectorAll(".seen canvas")], notes: [...root.querySelectorAll(".codes .note")],
      bars: [...root.querySelectorAll(".bars")] });
    for (const element of root.querySelectorAll("[name]")) this[`${element.name}Control`] = element;
    this.natsControl = find("[name=nats]");
    options(this.presetControl, [...Object.entries(PRESETS).map(([name, [, words]]) => [name, words]), ["own", "your own"]]);
    options(this.brushControl, BRUSHES);
    options(this.taskControl, [["none", "none"], ...Object.keys(TASKS).map((task) => [task, `${task}: ${QUESTIONS[task]}`]),
      ["painted", "paint the classes"]]);
    options(this.classControl, CLASSES.map((name, k) => [k, name]));
    options(this.stepsControl, LENGTHS);
    options(this.colourControl, [["uc", "x_UC"], ["lc", "x_LC"], ["shown", "how often shown"], ["class", "class of the task"]]);
    [this.brushControl.value, this.classControl.value] = ["8", "1"];
    this.forget();
    this.listen();
    this.restyle();
    this.runs = new geomlib.RunList(find(".runs"), { store, say: (message) => this.tellReader(message), open: () => this.pick(".json"),
      again: (address) => this.set(address),
      look: () => ({ colours: this.colours(), chosen: this.pair, style: this.style }) });
    this.set(hash);
    this.choose(this.pair);
    this.resized = new ResizeObserver(() => this.resize());
    for (const canvas of [...this.plots, this.chart]) this.resized.observe(canvas);
    this.themed = new MutationObserver(() => { this.restyle(); this.draw(); this.runs.draw(); });
    for (const element of [document.documentElement, document.body]) this.themed.observe(element, { attributes: true });
  }

  listen() {
    this.presetControl.onchange = () => {
      const name = this.presetControl.value;
      if (name !== "own") this.change({ counts: geomlib.presetCounts(name), usual: USUAL });
    };
    this.boards = [
      this.boardOf("counts", (cell) => { this.settings.counts[cell] = Number(this.brushControl.value) * this.settings.usual; },
        (cell) => `shown ${geomlib.plainNumber(this.settings.counts[cell] / this.settings.usual)} times as often as usual`),
      this.boardOf("classes", (cell) => { this.settings.labels[cell] = Number(this.classControl.value); },
        (cell) => `class ${this.settings.labels[cell] + 1}`)];
    this.plots.forEach((plot, k) => this.listenToMap(plot, k));
    this.capacityControl.oninput = () => {
      this.settings.capacity = natsAt(Number(this.capacityControl.value));
      this.showCapacity();
    };
    this.capacityControl.onchange = () => this.settle();
    this.taskControl.onchange = () => this.chooseTask();
    this.seedControl.onchange = () => {
      const seed = Math.round(Number(this.seedControl.value));
      this.change({ seed: Number.isFinite(seed) ? Math.min(Math.max(seed, 0), 2 ** 32 - 1) : 0 });
    };
    this.stepsControl.onchange = () => this.change({ steps: Number(this.stepsControl.value) });
    this.colourControl.onchange = () => { this.draw(); this.runs.draw(); };
    this.trainControl.onclick = () => (this.running ? this.pause() : this.train());
    this.onceControl.onclick = () => this.advanceOnce();
    this.resetControl.onclick = () => this.reset();
    this.listenToFiles();
  }

  /** A board that paints one cell after the other, and says what lies there. */
  boardOf(name, paint, words) {
    return new geomlib.Board(this.root.querySelector(`.board.${name}`), {
      paint: (cells) => {
        cells.forEach(paint);
        this.presetControl.value = geomlib.presetOf(this.settings.counts);
        this.drawBoards();
      },
      done: () => this.settle(),
      moved: (cell, said) => {
        this.choose(cell);
        if (said) this.spoken.textContent = `${columns(cell)}: ${words(cell)}`;
      },
    });
  }

  /** On a map the pointer, a finger or keys choose the stimulus that is shown. */
  listenToMap(plot, k) {
    const at = (event) => {
      if (this.seen[k]) this.choose(geomlib.pairAt(plot, event, this.seen[k], this.scale));
    };
    plot.onpointermove = plot.onpointerdown = at;
    plot.onkeydown = (event) => {
      const to = geomlib.arrow(event.key, this.pair);
      if (to === undefined) return;
      event.preventDefault();
      this.choose(to);
      this.spoken.textContent = columns(to);
    };
  }

  listenToFiles() {
    this.downloadControl.onclick = async () => geomlib.saveFile("network.safetensors", await this.file());
    this.opentableControl.onclick = () => this.pick(".csv,.txt");
    this.opennetworkControl.onclick = () => this.pick(".safetensors,.json");
    this.picker.onchange = async () => {
      await this.open(this.picker.files);
      this.picker.value = "";
    };
    this.root.ondragover = (event) => event.preventDefault();
    this.root.ondrop = (event) => {
      event.preventDefault();
      this.open(event.dataTransfer.files);
    };
    const copy = async (button, text) => {
      const before = button.textContent;
      try {
        await navigator.clipboard.writeText(text);
        button.textContent = this.spoken.textContent = "Copied";
      } catch {                              // not allowed here: leave it marked for the reader to copy
        this.tellReader(button === this.linkControl ? "Copy the address of this page." : "Press Ctrl+C.");
        if (button === this.copyControl) getSelection().selectAllChildren(this.code);
      }
      setTimeout(() => { button.textContent = before; }, 2000);
    };
    this.copyControl.onclick = () => copy(this.copyControl, this.code.textContent);
    this.linkControl.onclick = () => copy(this.linkControl, `${location.href.split("#")[0]}#${this.hash()}`);
  }

  /* --- the settings ----------------------------------------------------------------------------------------------- */

  change(some) {
    Object.assign(this.settings, some);
    this.settle();
  }

  /** The task that the reader chose; the classes to paint start as those of the task before, if they are few. */
  chooseTask() {
    const task = this.taskControl.value, before = geomlib.labelsOf(this.settings);
    const few = before && Math.max(...before) < CLASSES.length;
    const halves = () => Float64Array.from({ length: PAIRS }, (_, pair) => Number(pair >= 7 * SIDE));
    if (task === "none") this.colourControl.value = this.plainColour();
    else this.colourControl.value = "class";
    this.change({ task, labels: task === "painted" ? (few ? before : halves()) : null });
  }
  plainColour() { return geomlib.presetOf(this.settings.counts) === "uniform" ? "uc" : "shown"; }
  showCapacity() {
    this.natsControl.textContent = geomlib.nats(this.settings.capacity);
    this.capacityControl.setAttribute("aria-valuetext", this.natsControl.textContent);
  }

  /** The settings as the part of an address after #. */
  hash() { return geomlib.addressOf(this.settings); }

  /** Take the settings of an address. */
  set(address) {
    const { settings, wrong } = geomlib.settingsOf(address);
    this.take(settings);
    if (wrong.length) this.tellReader(`Not taken from the address: ${wrong.join("; ")}.`);
  }

  take(settings) {
    this.settings = settings;
    this.colourControl.value = settings.task !== "none" ? "class" : this.plainColour();
    this.settle();
  }

  /** What a change of the settings entails: controls, the address, the lines to copy; what was trained is of others. */
  settle() {
    const { settings } = this, hash = this.hash(), [counts, task] = [geomlib.presetOf(settings.counts), settings.task];
    if (hash === this.settled) return;
    if (this.settled !== undefined && counts !== new URLSearchParams(this.settled).get("counts") && task === "none")
      this.colourControl.value = this.plainColour();
    this.settled = hash;
    this.presetControl.value = counts;
    this.taskControl.value = task === "none" || task in TASKS ? task : "painted";
    this.painted.hidden = this.taskControl.value !== "painted";
    if (![...this.stepsControl.options].some((option) => Number(option.value) === settings.steps))
      this.stepsControl.add(new Option(`${settings.steps.toLocaleString("en")} steps`, settings.steps));
    this.stepsControl.value = settings.steps;
    this.seedControl.value = settings.seed;
    this.capacityControl.value = Math.log(settings.capacity / 0.1) / Math.log(120);
    this.showCapacity();
    this.code.textContent = geomlib.pythonOf(settings);
    this.changed(hash);
    this.stale = this.step > 0 && hash !== this.trainedHash;
    if (this.running) this.pause();
    this.tellReader("");
    this.tell();
    this.showNumbers();
    this.draw();
    this.runs.draw();
  }

  /* --- training -------------------------------------------------------------------------------------------------- */

  failed(message) {
    this.starting = false;
    this.pause();
    this.tellReader(`The training stopped: ${message}. “Reset” lets you start anew; your settings and runs are still there.`);
  }

  /** Workers for new networks, and the limit of the settings' world. */
  hire(count) {
    for (const helper of this.helpers ?? []) helper.close();
    this.forget();
    this.trainedHash = this.hash();
    this.trainedSettings = structuredClone(this.settings);
    this.total = this.settings.steps;
    this.helpers = Array.from({ length: count }, () => new geomlib.Helper((message) => this.failed(message)));
    this.findLimit();
  }

  /** Two new networks of these settings; false where they can't be trained. */
  async begin() {
    const { settings } = this, missing = geomlib.whatIsMissing(settings);
    this.tellReader(missing);
    if (missing) return false;
    this.hire(2);
    this.trainedSpec = geomlib.specOf(settings, this.spec, this.batch);
    const { capacity, steps, seed, task, counts } = settings, { spec } = this, labels = geomlib.labelsOf(settings);
    const common = { seed, batch: this.batch, latents: spec.latent_dim, settings: { capacity, steps,
      stepsPerEpoch: Math.min(1329, steps), learningRate: spec.learning_rate, decay: spec.decay, cooldown: spec.cooldown } };
    const asked = labels ? { heads: { [task]: Math.max(...labels) + 1 }, tables: { [task]: labels } } : { heads: {}, tables: {} };
    await Promise.all([this.helpers[0].ask("start", { ...common, ...asked, frequencies: counts }),
      this.helpers[1].ask("start", { ...common, heads: {}, tables: {}, frequencies: new Float64Array(PAIRS).fill(1) })]);
    return true;
  }

  /** The limit of the world that is trained on, in a worker of its own; known ones are kept. */
  async findLimit() {
    const { counts } = this.trainedSettings, key = String(counts), { trainedHash } = this;
    this.seeker?.close();
    this.seeker = null;
    this.limit = this.limits[key] ?? null;
    if (!this.limit) {
      const seeker = this.seeker = new geomlib.Helper((message) => this.failed(message));
      const found = this.limits[key] = await seeker.ask("limit", { frequencies: counts });
      seeker.close();
      if (this.trainedHash === trainedHash) this.limit = found;
    }
    this.showNumbers();
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
    const turn = this.turn = {};
    this.running = true;
    let chunk = 4;
    this.tell();
    while (this.running && this.turn === turn) {
      const began = performance.now(), slow = this.slowControl.checked;
      await this.advance(slow ? 1 : Math.min(chunk, this.total - this.step));
      const took = performance.now() - began;
      chunk = Math.min(Math.max(Math.round((chunk * 350) / Math.max(took, 20)), 1), 60);
      if (slow) await new Promise((resolve) => setTimeout(resolve, SLOW));
      await this.awake();
    }
    this.tell();
  }

  /** Wait while the page lies in the background. */
  awake() {
    if (!document.hidden) return null;
    this.say(`Step ${this.step} of ${this.total}: waiting, since this tab is in the background.`);
    return new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));
  }

  async advanceOnce() {
    if (!(await this.ready())) return;
    await this.advance(1);
    this.tell();
  }

  /** Both networks take some steps, and are looked at. */
  async advance(steps) {
    const { helpers, image } = this, began = performance.now();
    this.busy = true;
    const answers = await Promise.all(helpers.map((helper) => helper.ask("advance", { steps, draws: DRAWS, image })));
    if (helpers !== this.helpers) return;    // reset meanwhile
    this.busy = false;
    this.step += steps;
    this.pace = (performance.now() - began) / steps;
    this.trainedMs = answers[0].trained / steps;
    answers.forEach((answer, k) => this.paths[k].push(...answer.path));
    if (this.step >= this.total) this.running = false;
    this.look(answers);
    if (this.step >= this.total) this.finish();
    if (image !== this.image) this.reconstruct();
  }

  /** Take what the workers have seen of their networks. */
  look(answers) {
    this.seen = answers.map((answer, k) => {
      const { points, share } = geomlib.planeOf(answer.mean), from = this.seen[k]?.shown ?? points;
      return { ...answer, points, share, edges: geomlib.resolution(answer.mean, answer.variance), from, shown: from };
    });
    this.moved = performance.now();
    this.tell();
    this.showNumbers();
    this.showImages();
    this.draw();
  }

  async finish() {
    this.runs.add(this.trainedHash, this.seen[0]);
    this.spoken.textContent = `Trained. ${this.rows.textContent}`;
    if (this.trained) this.trained(await this.file());
  }

  pause() {
    this.running = false;
    this.tell();
  }

  /** Forget what was trained. */
  forget() {
    Object.assign(this, { step: 0, total: 0, paths: [[], []], seen: [], stale: false, helpers: null, pace: 0, limit: null,
      busy: false, looking: false, opened: "", scale: 1 });
  }
  reset() {
    this.running = false;
    for (const helper of this.helpers ?? []) helper.close();
    this.forget();
    this.tellReader("");
    this.tell();
    this.showNumbers();
    this.showImages();
    this.draw();
  }

  /** Where the training stands, in words. */
  tell() {
    const done = this.step && this.step >= this.total, left = ((this.total - this.step) * this.pace) / 1000;
    this.trainControl.textContent = this.running ? "Pause" : !this.step ? "Train" : this.stale || done ? "Train anew" : "Go on";
    this.onceControl.disabled = this.running;
    this.resetControl.disabled = this.downloadControl.disabled = !this.step;
    this.progress.value = this.step ? this.step / this.total : 0;
    this.say(!this.step ? (this.running ? "Starting …" : "") : this.stale
      ? `You see the network of the settings before. “Train anew” starts with yours.` : this.opened
      ? `You see ${this.opened}. “Train anew” trains a new network with its settings.`
      : `Step ${this.step} of ${this.total}` + (done ? ": done." : this.running && this.pace
        ? `, about ${left < 90 ? `${Math.ceil(left)} s` : `${Math.ceil(left / 60)} min`} left.` : ": paused."));
  }
  say(message) { if (this.status.textContent !== message) this.status.textContent = message; }
  /** A sentence that stays until the reader does something else. */
  tellReader(message) { this.told.textContent = message; }

  /* --- one stimulus ------------------------------------------------------------------------------------------------ */

  choose(pair) {
    if (pair === this.pair && this.chosen) return;
    [this.pair, this.chosen, this.image] = [pair, true, new Float32Array(PAIRS)];
    geomlib.drawStimulus(this.image, Math.floor(pair / SIDE), pair % SIDE, 0);
    this.showImages();
    this.draw();
    this.reconstruct();
  }

  /** What the networks make of the stimulus now, where no step is under way that will tell. */
  async reconstruct() {
    const { helpers, image } = this;
    if (!this.seen.length || this.running || this.looking) return;
    this.looking = true;
    const made = await Promise.all(helpers.map((helper) => helper.ask("reconstruct", { image })));
    this.looking = false;
    if (helpers !== this.helpers) return;
    made.forEach((pixels, k) => { this.seen[k].pixels = pixels; });
    this.showImages();
    if (image !== this.image) this.reconstruct();            // it has changed meanwhile
  }

  showImages() {
    const shown = [this.image, this.seen[0]?.pixels, this.seen[1]?.pixels];
    const error = (pixels) => pixels.reduce((sum, x, i) => sum + (x - this.image[i]) ** 2, 0) / PAIRS;
    this.images.forEach((canvas, k) => {
      canvas.parentElement.classList.toggle("empty", !shown[k]);
      if (shown[k]) geomlib.drawImage(canvas, shown[k]);
      else canvas.getContext("2d").clearRect(0, 0, SIDE, SIDE);
      canvas.setAttribute("aria-label", shown[k] ? geomlib.describeImage(shown[k]) : "Not trained yet");
    });
    const errors = shown.slice(1).filter(Boolean).map((pixels, k) => `${number(error(pixels), 3)} (${["yours", "partner's"][k]})`);
    this.about.textContent = `${columns(this.pair)}. ` +
      (errors.length ? `Squared error of a pixel: ${errors.join(", ")}. ` : "") +
      "Point at a map or a board to choose another, or use the arrow keys there. White is open, black is wall.";
  }

  /* --- drawing ---------------------------------------------------------------------------------------------------- */

  restyle() {
    const style = getComputedStyle(this.root), value = (name) => style.getPropertyValue(name).trim();
    this.style = { ink: value("--ink"), soft: value("--soft"), ground: value("--ground"), line: value("--line"),
      yours: value("--yours"), theirs: value("--theirs"), font: `12px ${style.fontFamily}` };
  }
  resize() {
    [...this.plots, this.chart].forEach(geomlib.fit);
    this.render();
    this.runs.draw();
  }
  draw() { this.frame ||= requestAnimationFrame(() => this.render()); }

  render() {
    this.frame = 0;
    if (!this.plots[0].clientWidth) return;
    const part = still.matches ? 1 : Math.min((performance.now() - this.moved) / 300, 1), { style, paths, limit } = this;
    for (const seen of this.seen) seen.shown = seen.points.map((x, i) => seen.from[i] + part * (x - seen.from[i]));
    this.drawBoards();
    this.scale = this.seen.reduce((most, { shown }) => shown.reduce((a, x) => Math.max(a, Math.abs(x)), most), 0.3);
    const text = ["Press Train.", this.opened ? "A network from a file has no partner." : "Press Train."];
    this.plots.forEach((plot, k) => geomlib.drawMap(plot, this.seen[k], { colours: this.colours(), limit: this.scale,
      chosen: this.pair, style, text: text[k] }));
    geomlib.drawPlane(this.chart, { paths, limit, capacity: this.settings.capacity, style });
    if (part < 1 && this.seen.length) this.draw();
  }

  drawBoards() {
    const { counts, usual, labels, task } = this.settings, [often, classes] = this.boards;
    often.draw(Array.from(counts, (count) => geomlib.countColour(count / usual)), `How often each pair is shown, x_UC down, ` +
      `x_LC across: ${this.presetControl.selectedOptions[0]?.text}. Arrow keys move, space paints with the brush.`);
    if (labels) classes.draw(Array.from(labels, (k) => geomlib.classColour(k, Math.max(...labels) + 1)),
      `Class of each pair in the task ${task}, x_UC down, x_LC across. Arrow keys move, space paints with the brush.`);
  }

  colours() {
    const by = this.colourControl.value, { settings } = this, labels = settings.labels ?? geomlib.labelsOf(settings);
    if (by === "class" && labels) return Array.from(labels, (k) => geomlib.classColour(k, Math.max(...labels) + 1));
    if (by === "shown") return Array.from(settings.counts, (count) => geomlib.countColour(count / settings.usual));
    return Array.from({ length: PAIRS }, (_, pair) => geomlib.viridis((by === "lc" ? pair % SIDE : Math.floor(pair / SIDE)) / 12));
  }

  /* --- numbers ----------------------------------------------------------------------------------------------------- */

  /** Rows of the table: a name, what it is, and the values of the reader's network, its partner and the limit. */
  numbers() {
    const [own, other] = this.seen, { counts } = this.trainedSettings, labels = geomlib.labelsOf(this.trainedSettings);
    const limit = this.limit && geomlib.limitAt(this.limit, own.state.recent[0]), all = [own, other, limit];
    const each = (of) => all.map((code) => (code ? of(code) : NaN)), networks = (of) => [own, other].map((code) => (code ? of(code) : NaN));
    const active = (code) => ratesOf(code).filter((rate) => rate > ACTIVE).length;
    const rows = [
      ["rate (nats)", ...networks(({ state }) => state.recent[0]), own.state.recent[0]],
      ["error of a pixel", ...networks(({ state }) => state.recent[1]), limit?.error, 4],
      ["price λ of a nat", ...networks(({ state }) => (this.opened ? NaN : state.price)), limit?.price, 4],
      ["resolution d', mean", ...each(({ edges }) => geomlib.meanOf(edges))],
      ["unevenness of d'", ...each(({ edges }) => geomlib.unevennessOf(edges))],
    ];
    if (new Set(counts).size > 1) rows.push(["d' grows with frequency to the power", ...each(({ edges }) => geomlib.exponentOf(edges, counts))]);
    if (labels) rows.push(["d' across the task's borders / elsewhere", ...networks(({ edges }) => geomlib.borderRatio(edges, labels)), NaN],
      ["turn at the borders (°)", ...networks((code) => (active(code) > 1 ? geomlib.turnOf(code.mean, code.variance, labels) : NaN)), NaN, 1],
      ["right answers (share)", own.state.recent.at(-1), NaN, NaN]);
    return rows;
  }

  showNumbers() {
    const [own] = this.seen;
    const rows = own ? this.numbers().map(([name, ...values]) => [name, ...values.slice(0, 3).map((x) => number(x, values[3]))]) : [];
    this.rows.replaceChildren(...rows.map(([name, ...values]) => {
      const line = document.createElement("tr");
      line.innerHTML = `<th scope="row"></th>${values.map(() => "<td></td>").join("")}`;
      line.firstChild.textContent = name;
      values.forEach((value, i) => { line.children[i + 1].textContent = value; });
      return line;
    }));
    const unfinished = own && this.step < this.total;
    this.rows.parentElement.classList.toggle("moving", Boolean(unfinished));
    this.unsettled.textContent = unfinished ? "Not finished: these numbers still move." : "";
    this.plots.forEach((plot, k) => this.showNotes(this.seen[k], k));
    this.chart.setAttribute("aria-label", "Error against rate. " + (own ? this.seen.map(({ state: { recent } }, k) =>
      `${["Yours", "The partner"][k]}: ${number(recent[0])} nats, error ${number(recent[1], 4)}.`).join(" ") : "Not trained yet."));
  }

  /** What stands below a map: the share that the plane holds, and the rate of each latent. */
  showNotes(seen, k) {
    const rates = seen ? ratesOf(seen) : [], who = ["your network", "the partner"][k], { capacity } = this.settings;
    const mean = (of) => seen.edges.reduce((sum, d) => sum + of(d), 0) / seen.edges.length;
    this.notes[k].textContent = seen ? `${Math.round(100 * seen.share)} % of the code's spread lies in this plane. ` +
      `Neighbours are told apart in ${Math.round(100 * mean(geomlib.toldApart))} % of trials (50 % is guessing).` : "";
    this.bars[k].setAttribute("aria-label", "Rate of each latent" + (seen ? ` in nats: ${rates.map((rate) => number(rate)).join(", ")}` : ": not trained yet"));
    this.bars[k].innerHTML = rates.map((rate, d) => `<span><i style="--part: ${Math.min(rate / Math.max(capacity, 0.1), 1)}"></i>` +
      `z<sub>${d + 1}</sub> ${number(rate)}</span>`).join("");
    this.plots[k].setAttribute("aria-label", seen ? `Mean codes of the 169 pairs in ${who} after ${this.step} steps; ` +
      `${rates.filter((rate) => rate > ACTIVE).length} of ${rates.length} latents in use, mean resolution ${number(mean((d) => d))}. ` +
      `Arrow keys choose a stimulus.` : `Mean codes of the 169 pairs in ${who}: not trained yet`);
  }

  /* --- files ------------------------------------------------------------------------------------------------------- */

  /** Let the reader choose files. */
  pick(kinds) {
    this.picker.accept = kinds;
    this.picker.click();
  }

  /** Open what the reader has chosen or dropped: a table of counts, a list of runs, or a network. */
  async open(files) {
    const named = (ending) => [...files].find((file) => file.name.toLowerCase().endsWith(ending));
    const [network, json] = [named(".safetensors"), named(".json")], file = network ?? json ?? files[0];
    if (!file) return;
    try {
      if (file.size > MOST_FILE) throw new Error("it is larger than any file of this page (64 MB)");
      if (network) await this.openNetwork(network, json);
      else if (json) await this.openList(json);
      else await this.openTable(file);
    } catch (error) {
      this.tellReader(`${file.name} was not opened: ${error.message}.`);
    }
  }

  async openTable(file) {
    if (file.size > MOST_TABLE) throw new Error("it is too large for a table of 13 rows of 13 counts (100 kB at most)");
    const counts = geomlib.readCounts(await file.text()), preset = geomlib.presetOf(counts);
    this.change(preset === "own" ? { counts, usual: geomlib.meanShown(counts) } : { counts: geomlib.presetCounts(preset), usual: USUAL });
    this.tellReader(`${file.name}: pairs are shown as often as it says.`);
  }

  async openList(file) {
    const text = await file.text();
    if (/^\s*\{\s*"world"/.test(text)) throw new Error("it is the spec of a run: choose weights.safetensors of the same folder together with it");
    this.tellReader(`${file.name}: ${this.runs.merge(text)} runs.`);
  }

  /** A trained network, in the place of the reader's; it has no partner, and can't go on. */
  async openNetwork(file, json) {
    const bytes = new Uint8Array(await file.arrayBuffer());
    const found = geomlib.readNetwork(bytes, json ? await json.text() : null, this.spec), { settings, heads, tables, latents, values } = found;
    this.reset();
    this.take(settings);
    this.hire(1);
    Object.assign(this, { trainedSpec: found.spec, step: found.steps, total: found.steps, opened: `the network of ${file.name}` });
    const { helpers, image } = this;
    this.busy = true;
    const seen = await helpers[0].ask("open", { heads, tables, latents, values, seed: settings.seed, batch: this.batch,
      frequencies: settings.counts, draws: DRAWS, image });
    if (helpers !== this.helpers) return;
    this.busy = false;
    this.look([seen]);
    this.runs.add(this.hash(), seen, file.name);
  }

  /** The network as a safetensors file: float32, with its spec. */
  async file() {
    const { values, shapes } = await this.helpers[0].ask("weights");
    return geomlib.writeNetwork(shapes, values, { spec: this.trainedSpec, steps_done: String(this.step),
      made_by: "the page Train of geomlib's book" });
  }

  close() {
    this.running = false;
    for (const helper of [...(this.helpers ?? []), this.seeker]) helper?.close();
    this.resized.disconnect();
    this.themed.disconnect();
    cancelAnimationFrame(this.frame);
  }
}

/** Rates of the latents of what a worker has seen, nats. */
function ratesOf({ mean, state }) {
  return state.recent.slice(2, 2 + mean.length / PAIRS);
}

/** Capacity at a place (0..1) of its slider, 0.1 to 12 nats: two digits. */
function natsAt(part) {
  return Number((0.1 * 120 ** part).toPrecision(2));
}

/** Put the page Train into an element; see TrainPage. */
geomlib.train = (root, given) => (root.trainer = new TrainPage(root, given));

/** The book's page: the state is in the address. Where the engine can't run, the picture in the page's text stays. */
geomlib.trainBook = (root) => {
  if (!geomlib.engineRuns()) return;
  let store = null;
  try {
    store = localStorage;
  } catch {}                                 // not allowed here: the list ends with the page
  const page = geomlib.train(root, { spec: geomlib.spec, hash: location.hash, store,
    changed: (hash) => history.replaceState(null, "", `#${hash}`) });
  addEventListener("hashchange", () => location.hash.includes("=") && page.set(location.hash));
};
}
