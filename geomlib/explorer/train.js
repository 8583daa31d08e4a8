// The page Train: paint how often each pair is shown, press Train, and watch two networks learn, side by side.
"use strict";
{
const { SIDE, PAIRS, USUAL, TASKS, QUESTIONS, PRESETS } = geomlib;
const [ROUGH, DRAWS] = [2, 6];               // of each pair, that a survey encodes on the way and at the end
const BRUSHES = [[0, "never"], [0.25, "a quarter as often"], [1, "as often as usual"], [4, "4 times as often"],
  [8, "8 times as often"]];
const CLASSES = ["class 1", "class 2", "class 3", "class 4"];
const LENGTHS = [[500, "500 steps: a sketch"], [1200, "1,200 steps"], [7974, "7,974: the paper's"]];
const SLOW = 400;                            // ms between the steps of slow motion
const MOST_TABLE = 100_000, MOST_FILE = 64 * 2 ** 20;        // bytes of a table of counts, and of any file
const still = matchMedia("(prefers-reduced-motion: reduce)");

const { number } = geomlib;
const options = (select, values) => select.replaceChildren(...values.map(([value, label]) => new Option(label, value)));

class TrainPage {
  /**
   * spec           the defaults of geomlib.Spec       hash   the settings to start with, as an address
   * changed(hash)  is called when they change         store  of the browser, to keep the list of runs in; or null
   * trained(file)  is called with the bytes of each network that has finished
   */
  constructor(root, { spec, hash = "", changed = () => {}, store = null, trained = null }) {
    root.innerHTML = geomlib.TRAIN_HTML;
    const find = (selector) => root.querySelector(selector);
    Object.assign(this, { root, spec, changed, trained, batch: 128, pair: 48, limits: {},
      chart: find(".chart"), status: find(".status"), told: find(".told"), spoken: find(".spoken"),
      progress: find("progress"),
      rows: find("tbody"), code: find("pre"), unsettled: find(".unsettled"), picker: find("[type=file]"),
      painted: find(".painted"), directions: find(".directions"), about: find(".seen .about"), plots: [...root.querySelectorAll(".codes .plot")],
      images: [...root.querySelectorAll(".seen canvas")], networks: [...root.querySelectorAll(".codes")] });
    for (const element of root.querySelectorAll("[name]")) this[`${element.name}Control`] = element;
    this.natsControl = find("[name=nats]");
    options(this.worldControl, Object.entries(geomlib.WORLD_NAMES));
    options(this.brushControl, BRUSHES);
    options(this.classControl, CLASSES.map((name, k) => [k, name]));
    options(this.stepsControl, LENGTHS);
    [this.brushControl.value, this.classControl.value] = ["8", "1"];
    this.forget();
    this.listen();
    this.restyle();
    this.runs = new geomlib.RunList(find(".runs"), { store, say: (message) => this.tellReader(message),
      open: () => this.pick(".json"), again: (address) => this.set(address),
      look: () => ({ colours: this.colours(), chosen: this.pair, style: this.style }) });
    this.set(hash);
    this.resized = new ResizeObserver(() => this.resize());
    for (const canvas of [...this.plots, this.chart]) this.resized.observe(canvas);
    this.themed = new MutationObserver(() => { this.restyle(); this.draw(); this.runs.draw(); });
    for (const element of [document.documentElement, document.body]) this.themed.observe(element, { attributes: true });
  }

  listen() {
    this.worldControl.onchange = () => this.change({ world: this.worldControl.value });
    this.presetControl.onchange = () => {
      const name = this.presetControl.value;
      if (name !== "own") this.change({ counts: geomlib.presetCounts(name), usual: USUAL });
    };
    this.boards = [
      this.boardOf("counts", (cell) => {
        this.settings.counts[cell] = Number(this.brushControl.value) * this.settings.usual;
      }, (cell) => `shown ${geomlib.plain(this.settings.counts[cell] / this.settings.usual)} times as often as usual`),
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
        if (said) this.spoken.textContent = `${this.placeOf(cell)}: ${words(cell)}`;
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
      this.spoken.textContent = this.placeOf(to);
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

  /** Words about pairs, as they are said in the chosen world. */
  inWords(words) { return geomlib.inWorld(this.settings.world, words); }
  placeOf(pair) { return this.inWords(`x_UC ${Math.floor(pair / SIDE)}, x_LC ${pair % SIDE}`); }

  /** What can be chosen, in the words of the chosen world, and an image of it. */
  enterWorld() {
    if (this.settings.world === this.world) return;
    const { value } = this.colourControl, told = (pairs) => pairs.map(([name, words]) => [name, this.inWords(words)]);
    options(this.presetControl, [...told(Object.entries(PRESETS).map(([name, [, words]]) => [name, words])),
      ["own", "your own"]]);
    options(this.taskControl, [["none", "none"],
      ...told(Object.entries(QUESTIONS).map(([task, question]) => [task, `${task}: ${question}`])),
      ["painted", "paint the classes"]]);
    options(this.colourControl, [...told([["uc", "x_UC"], ["lc", "x_LC"]]), ["shown", "how often shown"],
      ["class", "class of the task"]]);
    if (value) this.colourControl.value = value;
    this.directions.textContent = this.inWords("x_UC ↓, x_LC →");
    this.worldControl.value = this.world = this.settings.world;
    this.showPair(this.pair);
  }

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
    this.enterWorld();
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
    this.enterWorld();
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
    this.pause();
    this.tellReader(`The training stopped: ${message}. “Reset” lets you start anew. ` +
      "Your settings and runs are still there.");
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
    this.busy = true;
    this.tell();
    const { helpers } = this;
    this.trainedSpec = geomlib.specOf(settings, this.spec, this.batch);
    const { world, capacity, steps, seed, task, counts } = settings, { spec } = this, labels = geomlib.labelsOf(settings);
    const { learning_rate: learningRate, decay, cooldown } = spec, alike = new Float64Array(PAIRS).fill(1);
    const common = { seed, batch: this.batch, latents: spec.latent_dim, world, heads: {}, tables: {},
      settings: { capacity, steps, stepsPerEpoch: Math.min(1329, steps), learningRate, decay, cooldown } };
    const asked = labels && { heads: { [task]: Math.max(...labels) + 1 }, tables: { [task]: labels } };
    await Promise.all([helpers[0].ask("start", { ...common, ...asked, frequencies: counts }),
      helpers[1].ask("start", { ...common, frequencies: alike })]);
    if (helpers !== this.helpers) return false;    // reset meanwhile
    this.busy = false;
    return true;
  }

  /** The limit of the world that is trained on, in a worker of its own; known ones are kept. */
  async findLimit() {
    const { counts, world } = this.trainedSettings, key = `${world} ${counts}`, { trainedHash } = this;
    this.seeker?.close();
    this.seeker = null;
    this.limit = this.limits[key] ?? null;
    if (!this.limit) {
      const seeker = this.seeker = new geomlib.Helper((message) => this.failed(message));
      const found = this.limits[key] = await seeker.ask("limit", { frequencies: counts, world });
      seeker.close();
      if (this.trainedHash === trainedHash) this.limit = found;
    }
    this.showNumbers();
    this.draw();
  }

  /** Whether there are two networks that can go on; new ones are made where there are none, or of other settings. */
  async ready() {
    if (this.busy) return false;
    return !this.stale && this.helpers && this.step < this.total ? true : this.begin();
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
      chunk = Math.min(Math.max(Math.round((chunk * 350) / Math.max(took, 20)), 4), 60); // a look costs steps
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
    const draws = this.step + steps < this.total ? ROUGH : DRAWS;
    this.busy = true;
    const answers = await Promise.all(helpers.map((helper) => helper.ask("advance", { steps, draws, image })));
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
    Object.assign(this, { step: 0, total: 0, paths: [[], []], seen: [], stale: false, helpers: null, pace: 0,
      limit: null, busy: false, looking: false, opened: "", scale: 1 });
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
    const other = !this.step ? "Train" : this.stale || done ? "Train anew" : "Go on";
    this.trainControl.textContent = this.running ? "Pause" : other;
    this.onceControl.disabled = this.running;
    this.resetControl.disabled = !this.helpers;
    this.downloadControl.disabled = !this.step;
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

  /* --- one stimulus ----------------------------------------------------------------------------------------------- */

  choose(pair) {
    if (pair !== this.pair) this.showPair(pair);
  }
  showPair(pair) {
    [this.pair, this.image] = [pair, geomlib.exampleOf(pair, this.settings.world)];
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
    const shown = [this.image, this.seen[0]?.pixels, this.seen[1]?.pixels], who = ["", "yours", "partner's"];
    const error = (pixels) => pixels.reduce((sum, x, i) => sum + (x - this.image[i]) ** 2, 0) / PAIRS;
    this.images.forEach((canvas, k) => {
      canvas.parentElement.classList.toggle("empty", !shown[k]);
      if (shown[k]) geomlib.drawImage(canvas, shown[k]);
      else canvas.getContext("2d").clearRect(0, 0, SIDE, SIDE);
    });
    const errors = shown.flatMap((pixels, k) => (k && pixels ? `${number(error(pixels), 3)} (${who[k]})` : []));
    this.about.textContent = `${this.placeOf(this.pair)}. ` +
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
    const { style, paths, limit } = this;
    this.drawBoards();
    geomlib.drawPlane(this.chart, { paths, limit, capacity: this.settings.capacity, style });
    this.drawMaps();
  }

  /** The maps, on their way to the codes of now: in every second frame, which leaves the cores to the training. */
  drawMaps() {
    const part = still.matches ? 1 : Math.min((performance.now() - this.moved) / 300, 1), { style, seen } = this;
    for (const code of seen) code.shown = code.points.map((x, i) => code.from[i] + part * (x - code.from[i]));
    this.scale = seen.reduce((most, { shown }) => shown.reduce((a, x) => Math.max(a, Math.abs(x)), most), 0.3);
    const text = ["Press Train.", this.opened ? "No partner." : "Press Train."], colours = this.colours();
    this.plots.forEach((plot, k) =>
      geomlib.drawMap(plot, seen[k], { colours, limit: this.scale, chosen: this.pair, style, text: text[k] }));
    cancelAnimationFrame(this.next);
    if (part < 1 && seen.length)
      this.next = requestAnimationFrame(() => { this.next = requestAnimationFrame(() => this.drawMaps()); });
  }

  drawBoards() {
    const { counts, usual, labels, task } = this.settings, [often, classes] = this.boards;
    often.draw(Array.from(counts, (count) => geomlib.countColour(count / usual)), "How often each pair is shown, " +
      `${this.inWords("x_UC down, x_LC across")}: ${this.presetControl.selectedOptions[0]?.text}. ` +
      "Arrow keys move, space paints with the brush.");
    if (labels) classes.draw(Array.from(labels, (k) => geomlib.classColour(k, Math.max(...labels) + 1)),
      `Class of each pair in the task ${task}, ${this.inWords("x_UC down, x_LC across")}. Arrow keys move, space paints with the brush.`);
  }

  colours() {
    const by = this.colourControl.value, { settings } = this, labels = settings.labels ?? geomlib.labelsOf(settings);
    if (by === "class" && labels) return Array.from(labels, (k) => geomlib.classColour(k, Math.max(...labels) + 1));
    if (by === "shown") return Array.from(settings.counts, (count) => geomlib.countColour(count / settings.usual));
    const place = (pair) => (by === "lc" ? pair % SIDE : Math.floor(pair / SIDE));
    return Array.from({ length: PAIRS }, (_, pair) => geomlib.viridis(place(pair) / 12));
  }


  showNumbers() {
    const { seen, rows, opened, trainedSettings: settings } = this, [own] = seen, { capacity } = this.settings;
    const limit = own && this.limit && geomlib.limitAt(this.limit, own.state.recent[0]);
    const unfinished = own && this.step < this.total;
    geomlib.fillTable(rows, own ? geomlib.numbersOf({ seen, limit, settings, opened }) : []);
    rows.parentElement.classList.toggle("moving", Boolean(unfinished));
    this.unsettled.textContent = unfinished ? "Not finished: these numbers still move." : "";
    const given = { step: this.step, capacity, settings };
    this.networks.forEach((section, k) => geomlib.describeNetwork(section, seen[k], given));
    const reached = seen.map(({ state: { recent: [rate, error] } }, k) =>
      `${["Yours", "The partner"][k]}: ${number(rate)} nats, error ${number(error, 4)}.`);
    this.chart.setAttribute("aria-label", `Error against rate. ${own ? reached.join(" ") : "Not trained yet."}`);
  }

  /* --- files ------------------------------------------------------------------------------------------------------ */

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
    this.change(geomlib.countsOf(geomlib.readCounts(await file.text())));
    this.tellReader(`${file.name}: pairs are shown as often as it says.`);
  }

  async openList(file) {
    const text = await file.text();
    if (/^\s*\{\s*"world"/.test(text))
      throw new Error("it is the spec of a run: choose weights.safetensors of the same folder together with it");
    this.tellReader(`${file.name}: ${this.runs.merge(text)} runs.`);
  }

  /** A trained network, in the place of the reader's; it has no partner, and can't go on. */
  async openNetwork(file, json) {
    const bytes = new Uint8Array(await file.arrayBuffer());
    const found = geomlib.readNetwork(bytes, json ? await json.text() : null, this.spec);
    const { settings, spec, heads, tables, latents, values, steps } = found;
    this.reset();
    this.take(settings);
    this.hire(1);
    Object.assign(this, { trainedSpec: spec, step: steps, total: steps, opened: `the network of ${file.name}` });
    const { helpers, image } = this;
    this.busy = true;
    const seen = await helpers[0].ask("open", { heads, tables, latents, values, seed: settings.seed, batch: this.batch,
      world: settings.world, frequencies: settings.counts, draws: DRAWS, image });
    if (helpers !== this.helpers) return;
    this.busy = false;
    this.paths = [seen.state.recent.slice(0, 2), []];        // a point: its way there is not known
    this.look([seen]);
    const name = file.name.replace(/\.safetensors$/i, "");
    this.runs.add(this.hash(), seen, name === "weights" ? undefined : name);     // that of any run of geomlib
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
    for (const frame of [this.frame, this.next]) cancelAnimationFrame(frame);
  }
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
