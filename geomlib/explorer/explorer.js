// The explorer: the stimulus and the controls that all networks share, one or two networks, the state and its address.
"use strict";
{
const SIDE = 13;
const still = matchMedia("(prefers-reduced-motion: reduce)");

const options = (select, values) => select.replaceChildren(...values.map(([value, label]) => new Option(label, value)));

const TOLD = "told apart";  // a colouring that follows the stimulus

const PAGE_HTML = `
<p class="status" role="status"></p>
<div class="scene">
  <section class="stimulus" aria-label="Stimulus">
    <h2>Stimulus</h2>
    <label><span></span> <output></output><input type="range" name="uc" min="0" max="12"></label>
    <span class="pick"><canvas class="image" width="13" height="13" tabindex="0" role="application"
      aria-roledescription="image to draw on"></canvas><i></i></span>
    <label><span></span> <output></output><input type="range" name="lc" min="0" max="12"></label>
  </section>
  <div class="changes">
    <button type="button" name="again">New noise</button>
    <button type="button" name="corridors">Back to the stimulus</button>
    <details class="drawing"><summary>Draw one</summary>
      <p>Click or stroke the pixels of the stimulus; by keys, arrows and space.</p>
      <button type="button" name="open">Open all</button> <button type="button" name="close">Close all</button>
    </details>
  </div>
  <div class="legend">
    <span class="pick key"><canvas width="13" height="13" role="img"></canvas><i></i></span>
    <div><label>Colour <select name="colour"></select></label><p class="meaning"></p></div>
  </div>
</div>
<div class="tools">
  <button type="button" name="link">Copy a link to this view</button>
  <button type="button" name="picture">Save as picture</button>
</div>
<details class="more"><summary>More: a second network, planes of latents, zoom</summary>
  <div class="controls">
    <label>${geomlib.term("Plane")} <select name="plane"></select></label>
    <span class="checks"><label><input type="checkbox" name="zoom"> Zoom to the codes</label>
      <label><input type="checkbox" name="second"> Second network</label>
      <label><input type="checkbox" name="linked" checked> at the same capacity</label></span>
  </div>
</details>
<details class="game"><summary>Play: guess the stimulus from what is left of it</summary></details>
<details class="command"><summary>Run it again on your computer</summary><ul></ul></details>
<p class="spoken" role="status"></p>`;

/** All of the explorer: the shared controls and the stimulus, one or two sides, the state. */
class Page {
  constructor(root, { index, load, hash = "", changed = () => {} }) {
    root.innerHTML = PAGE_HTML;
    const find = (selector) => root.querySelector(selector);
    Object.assign(this, { root, index, load, changed, plane: null, cloud: [],
      pointed: -1,                                           // the pair that is compared with the stimulus
      against: null,                                         // images minus the mean image or not; null: by capacity
      image: new Float32Array(169), drawn: false,            // the stimulus; whether it was drawn by hand
      cursor: 32,                                            // the pixel that keys change: row 2, column 6
      planes: find("[name=plane]"), colour: find("[name=colour]"), key: find(".key canvas"), meaning: find(".meaning"),
      second: find("[name=second]"), linked: find("[name=linked]"), zoom: find("[name=zoom]"), scene: find(".scene"),
      canvas: find(".stimulus canvas"), again: find("[name=again]"), corridors: find("[name=corridors]"),
      ucSlider: find("[name=uc]"), lcSlider: find("[name=lc]"), commands: find(".command ul"),
      drawing: find(".drawing"), more: find(".more"), status: find(".status"), spoken: find(".spoken") });
    this.worlds = index.worlds.map(geomlib.worldOf);
    const unpack = (stop) => Object.fromEntries(Object.entries(stop).map(([name, value]) =>
      [name, ["codes", "spreads", "map", "mapSpreads"].includes(name) ? geomlib.halves(value) : value]));
    this.models = Object.fromEntries(index.models.map(([name, stops]) => [name, stops.map(unpack)]));
    this.sides = [new geomlib.Side(this, "First"), new geomlib.Side(this, "Second")];
    this.sides.forEach((side, n) => side.parts.forEach((part) => part.classList.add(`of${n + 1}`)));
    this.scene.prepend(...this.sides.map((side) => side.parts[0]));
    this.scene.append(...[1, 2].flatMap((part) => this.sides.map((side) => side.parts[part])));
    this.game = new geomlib.Game(this, find(".game"));
    const names = Object.keys(this.models), D = Math.min(...names.map((name) => this.models[name][0].rates.length));
    this.sides.forEach((side) => options(side.model, names.map((name) => [name, name])));
    const pairs = Array.from({ length: D }, (_, j) => Array.from({ length: j }, (_, i) => `${i + 1},${j + 1}`)).flat();
    options(this.planes, [["map", "map of distances"], ...pairs.sort().map((pair) => [pair, ""])]);
    const inWords = (name) => geomlib.words(name).replace(/^(upper|lower)$/, "$1 corridor").replace(/ \(.*/, "");
    options(this.colour, [...index.colours.map(([name]) => [name, inWords(name)]), [TOLD, "told apart?"]]);
    this.listen(find);
    this.restyle();
    this.set(hash);
    this.resized = new ResizeObserver(() => this.resize());
    this.sides.forEach((side) => this.resized.observe(side.plot));
    this.themed = new MutationObserver(() => { this.restyle(); this.update(); });
    for (const element of [document.documentElement, document.body]) this.themed.observe(element, { attributes: true });
  }

  listen(find) {
    this.planes.onchange = this.colour.onchange = () => this.takeView();
    this.zoom.onchange = () => this.update();
    this.second.onchange = () => { this.showSecond(this.second.checked); this.update(); };
    this.linked.onchange = () => { if (this.linked.checked) this.moveCapacity(this.sides[0], this.sides[0].capacity); };
    this.ucSlider.oninput = this.lcSlider.oninput = () =>
      this.choosePair(SIDE * Number(this.ucSlider.value) + Number(this.lcSlider.value), this.repeat);
    this.key.onclick = (event) => this.choosePair(this.cell(event));
    this.again.onclick = () => this.choosePair(this.pair, this.repeat + 1);
    find("[name=link]").onclick = ({ target }) => this.copy(target, `${location.href.split("#")[0]}#${this.hash()}`);
    find("[name=picture]").onclick = () => this.save();
    for (const [name, value] of [["open", 0], ["close", 1]])
      find(`[name=${name}]`).onclick = () => { this.image.fill(value); this.drawnByHand(); };
    this.corridors.onclick = () => {
      this.choosePair(this.pair, this.repeat);
      this.render();
      this.ucSlider.focus();                                 // the button has gone
    };
    const { canvas } = this;
    let ink = 1;
    canvas.onpointerdown = (event) => {
      this.cursor = this.cell(event);
      ink = 1 - this.image[this.cursor];
      canvas.setPointerCapture(event.pointerId);
      this.setPixel(ink);
    };
    canvas.onpointermove = (event) => {
      if (!canvas.hasPointerCapture(event.pointerId) || this.cell(event) === this.cursor) return;
      this.cursor = this.cell(event);
      this.setPixel(ink);
    };
    canvas.onkeydown = (event) => {
      const row = Math.floor(this.cursor / SIDE), column = this.cursor % SIDE, { key } = event;
      const to = { ArrowUp: [row - 1, column], ArrowDown: [row + 1, column],
        ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1] }[key];
      if (!to && key !== " " && key !== "Enter") return;
      event.preventDefault();
      if (!to) this.setPixel(1 - this.image[this.cursor]);
      else if (to.every((x) => x >= 0 && x < SIDE)) this.cursor = to[0] * SIDE + to[1];
      const at = `Row ${Math.floor(this.cursor / SIDE)}, column ${this.cursor % SIDE}`;
      this.spoken.textContent = `${at}: ${this.image[this.cursor] ? "wall" : "open"}`;
      this.update();
    };
  }

  /** The cell of a 13 x 13 canvas that was pointed at. */
  cell({ target, offsetX, offsetY }) {
    const at = (offset) => Math.min(Math.max(Math.floor((offset / target.clientWidth) * SIDE), 0), SIDE - 1);
    return at(offsetY) * SIDE + at(offsetX);
  }

  setPixel(value) {
    this.image[this.cursor] = value;
    this.drawnByHand();
  }
  drawnByHand() {
    this.drawn = true;
    this.readAll();
  }

  /** The pair of the stimulus, 13 x (first position) + second position; what a pair is called. */
  get pair() { return this.uc * SIDE + this.lc; }
  names(pair) {
    const [first, second] = this.sides[0].world.places;
    return `${first} ${Math.floor(pair / SIDE)}, ${second.replace(" corridor", "")} ${pair % SIDE}`;
  }
  get hint() { return "Point at a code to compare it with the stimulus; a click takes it."; }

  /** Take a pair as the stimulus; repeat counts the draws of its noise. */
  choosePair(pair, repeat = 0) {
    Object.assign(this, { uc: Math.floor(pair / SIDE), lc: pair % SIDE, repeat, drawn: false, cloud: [] });
    geomlib.drawStimulus(this.image, this.sides[0].world, pair, repeat);
    this.readAll();
  }
  readAll() {
    for (const side of this.sides) {
      side.moved = false;
      side.read();
    }
    this.update();
  }

  choose(side, model, capacity) {
    this.cloud = [];
    const before = this.sides[0].stops && this.sides[0].world;
    side.setModel(model);
    side.setCapacity(capacity);
    if (before && before !== this.sides[0].world && !this.drawn) this.choosePair(this.pair, this.repeat);
    else side.read();
    this.rescale();
    this.update();
  }

  showSecond(shown) {
    this.second.checked = shown;
    this.scene.classList.toggle("two", shown);
    this.root.classList.toggle("two", shown);
    const [first, other] = this.sides, names = Object.keys(this.models);
    if (shown && !other.stops)
      this.choose(other, names.find((name) => name !== first.model.value) ?? names[0], first.capacity);
    this.rescale();
  }
  get shown() { return this.second.checked ? this.sides : this.sides.slice(0, 1); }

  moveCapacity(side, nats, byHand = true) {
    if (byHand) this.stop();
    this.cloud = [];
    for (const one of this.linked.checked ? this.shown : [side]) one.setCapacity(nats);
    this.update();
  }

  /**
   * Sweep the capacity along a route of slider positions, resting at each trained one on the way: else to the smallest,
   * or from there to the largest. time: ms for the whole slider.
   */
  play(side, route = [side.position(), side.position() > 0 ? 0 : side.stops.length - 1], time = 6400) {
    if (this.playing) return this.stop();
    const lengths = route.slice(1).map((to, i) => Math.abs(to - route[i])), total = lengths.reduce((a, b) => a + b);
    const place = (gone, i = 0) => (gone <= lengths[i] || i === lengths.length - 1
      ? route[i] + Math.sign(route[i + 1] - route[i]) * Math.min(gone, lengths[i]) : place(gone - lengths[i], i + 1));
    const began = performance.now(), pace = time / (side.stops.length - 1), REST = 0.4;
    const step = (now) => {
      const gone = (now - began) / pace, whole = Math.floor(gone), part = Math.min((gone - whole) / (1 - REST), 1);
      const length = Math.min(Math.max(whole + (still.matches ? Math.round(part) : part), 0), total);
      this.moveCapacity(side, side.at(place(length)), false);
      if (length === total) this.stop();
      else this.playing = requestAnimationFrame(step);
    };
    this.playing = requestAnimationFrame(step);
    side.play.textContent = "Stop";
  }
  stop() {
    cancelAnimationFrame(this.playing);
    this.playing = 0;
    for (const side of this.sides) side.play.textContent = "Play";
  }

  /** Where the colours are the classes of models that are not on show, take those of one that is. */
  recolour(model) {
    const of = ({ value }) => /\((.*)\)$/.exec(value)?.[1].split(", ");
    if (!of(this.colour) || this.shown.some((side) => of(this.colour).includes(side.model.value))) return;
    const own = [...this.colour.options].find((option) => of(option)?.includes(model));
    this.colour.value = (own ?? this.colour[0]).value;
    this.takeView();
  }

  takeView() {
    this.plane = this.planes.value === "map" ? null : this.planes.value.split(",").map((d) => d - 1);
    this.rescale();
    this.update();
  }

  /** The colour of each pair: its own, or by how well a side's code tells it from the stimulus. */
  coloursOf(side) {
    if (this.colour.value !== TOLD) return this.index.colours[this.colour.selectedIndex][1];
    const colour = (pair) => geomlib.viridis(2 * geomlib.toldApart(side.dprime(pair, this.pair)) - 1);
    return Array.from({ length: 169 }, (_, pair) => colour(pair));
  }

  /** The colours as a map of the pairs, and what they mean. */
  drawLegend() {
    const [first, second] = this.sides[0].world.places, colours = this.coloursOf(this.sides[0]);
    geomlib.drawKey(this.key, colours);
    const told = this.colour.value === TOLD, two = new Set(colours).size === 2;
    this.meaning.classList.toggle("scale", told);
    const from = this.drawn ? this.names(this.pair) : "the stimulus";                  // a drawing is none of the pairs
    const text = told ? `from ${from}, in 50 % (guessing) to 100 % of trials`
      : `${first} ↓, ${second} →` + (two ? "; blue: yes, beige: no" : "");
    if (this.meaning.textContent !== text) this.meaning.textContent = text;
  }

  /** One scale for all capacities and both sides, so that sizes can be compared; zoomed, for what is on show. */
  rescale() {
    let most = 0;
    for (const stop of this.shown.flatMap((side) => side.stops ?? []))
      for (const value of this.plane ? stop.codes : stop.map) most = Math.max(most, Math.abs(value));
    this.most = most || 1;
  }
  span() {
    return this.shown.reduce((most, side) => side.points.reduce((a, b) => Math.max(a, Math.abs(b)), most), 0.05);
  }
  limit() { return this.zoom.checked ? this.span() : this.most; }
  cloudIn([i, j]) { return this.cloud.flatMap((z) => [z[i], z[j]]); }

  /** Colours and fonts of the book or notebook around. */
  restyle() {
    const style = getComputedStyle(this.root), value = (name) => style.getPropertyValue(name).trim();
    this.style = { ink: value("--ink"), soft: value("--soft"), ground: value("--ground"), accent: value("--accent"),
      font: `12px ${style.fontFamily}` };
  }
  resize() {
    for (const { plot } of this.shown) plot.width = plot.height = Math.round(plot.clientWidth * devicePixelRatio);
    this.render();
  }

  update() {
    this.frame ||= requestAnimationFrame(() => this.render());
  }
  render() {
    this.frame = 0;
    if (!this.sides[0].plot.clientWidth) return;             // not on the screen yet
    for (const side of this.shown) side.place();
    for (const side of this.shown) side.draw();
    this.drawLegend();
    geomlib.drawImage(this.canvas, this.image);
    [this.ucSlider.value, this.lcSlider.value] = [this.uc, this.lc];
    this.ucSlider.disabled = this.lcSlider.disabled = this.again.hidden = this.drawn;
    this.corridors.hidden = !this.drawn;
    [[this.ucSlider, this.uc], [this.lcSlider, this.lc]].forEach(([slider, value], n) => {
      const [name, shown] = slider.parentElement.children;
      name.textContent = this.sides[0].world.places[n];
      shown.textContent = this.drawn ? "–" : value;
    });
    const mark = (canvas, cell) => {
      canvas.nextElementSibling.style.setProperty("--row", Math.floor(cell / SIDE));
      canvas.nextElementSibling.style.setProperty("--column", cell % SIDE);
    };
    mark(this.canvas, this.cursor);
    mark(this.key, this.pointed < 0 ? this.pair : this.pointed);
    this.key.nextElementSibling.hidden = this.drawn;
    clearTimeout(this.settling);
    this.settling = setTimeout(() => this.settle(), 200);
  }

  /** What may wait until the hand rests: words for the pictures, commands, the address. */
  settle() {
    for (const side of this.shown) side.describe();
    const [first, second] = this.sides[0].world.places;
    const colours = this.colour.selectedOptions[0].text;
    this.key.setAttribute("aria-label", `Colour of each stimulus, ${first} down, ${second} across: ${colours}`);
    const origin = this.drawn ? "drawn by hand" : this.names(this.pair);
    const seen = geomlib.describeImage(this.image, this.sides[0].world);
    this.canvas.setAttribute("aria-label", `Stimulus, ${origin}. ${seen} ` +
      "Arrow keys move between pixels, space changes one.");
    this.namePlanes();
    this.listCommands();
    if (!this.playing) this.changed(this.hash());
  }

  /** The pictures on show in one, with what they are, as a file. */
  save() {
    const size = 720, small = 234, gap = 24, sides = this.shown, canvas = document.createElement("canvas");
    canvas.width = gap + sides.length * (size + small + 2 * gap);
    canvas.height = size + 5 * gap;
    const context = canvas.getContext("2d");
    context.fillStyle = this.style.ground;
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.imageSmoothingEnabled = false;
    context.fillStyle = this.style.ink;
    const font = this.style.font.replace("12px", ""), write = (words, x, y, px = 16) => {
      context.font = `${px}px ${font}`;
      context.fillText(words, x, y);
    };
    sides.forEach((side, n) => {
      const left = gap + n * (size + small + 2 * gap), right = left + size + gap;
      write(`${side.model.value}, ${side.capacityText.textContent}`, left, 1.3 * gap, 22);
      const map = Object.assign(document.createElement("canvas"), { width: size, height: size });
      side.drawPlot(side.between(), map, 520);
      context.drawImage(map, left, 2 * gap);
      const made = side.isAgainst() ? "reconstruction, minus mean" : "reconstruction";
      [["stimulus", this.canvas], [made, side.image]].forEach(([words, image], k) => {
        write(words, right, 2.5 * gap + k * (small + 2 * gap));
        context.drawImage(image, right, 3 * gap + k * (small + 2 * gap), small, small);
      });
      write(side.note.textContent.split(". ").slice(0, 2).join(". "), left, size + 3 * gap);
    });
    write("“The geometry of efficient codes”, a reproducible companion", gap, size + 4.3 * gap);
    const link = document.createElement("a");
    link.download = `${sides.map((side) => `${side.model.value}-${geomlib.plain(side.capacity)}`).join("-")}.png`;
    link.href = canvas.toDataURL();
    link.click();
    this.spoken.textContent = `Saved as ${link.download}`;
  }

  /** The planes of latents; a latent is unused when no network shown uses it. */
  namePlanes() {
    const used = (d) => this.shown.some((side) => side.uses(d - 1));
    for (const option of [...this.planes.options].slice(1)) {
      const [i, j] = option.value.split(","), mark = (d) => (used(d) ? d : `${d} (unused)`);
      option.text = used(i) || used(j) ? `latents ${mark(i)} and ${mark(j)}` : `latents ${i} and ${j} (both unused)`;
    }
  }

  /** The commands of the networks shown, those of two networks once where they are the same. */
  listCommands() {
    const names = new Map();                 // of the networks that the commands make, by the commands
    for (const side of this.shown) {
      const { capacity, commands } = side.stops[side.nearest()], key = commands.join("\n");
      const nearest = side.between() ? " (the nearest trained)" : "";
      names.set(key, new Set(names.get(key)).add(`${side.model.value} at ${geomlib.nats(capacity)}${nearest}`));
    }
    const lines = [...names].flatMap(([key, of]) => {
      const [ours, papermill] = key.split("\n"), network = [...of].join(" and ");
      return papermill ? [[`Page of ${network}, with geomlib`, ours], ["The same with papermill", papermill]]
        : [[`Training of ${network}, with geomlib`, ours]];
    });
    if (this.listed === String(lines)) return;               // the reader may be copying from them
    this.listed = String(lines);
    this.commands.replaceChildren(...lines.map(([what, line]) => this.command(what, line)));
  }

  command(what, line) {
    const item = document.createElement("li");
    item.innerHTML = "<span></span><code></code><button type=\"button\">Copy</button>";
    const [label, code, button] = item.children;
    label.textContent = `${what}:`;
    code.textContent = line;
    button.setAttribute("aria-label", `Copy: ${line}`);
    button.onclick = () => this.copy(button, line, code);
    return item;
  }

  /** Put text into the clipboard, and say so; where that is not allowed, mark where it stands. */
  async copy(button, text, shown = null) {
    const before = (button.words ??= button.textContent);
    const say = (message) => { button.textContent = this.spoken.textContent = message; };
    try {
      await navigator.clipboard.writeText(text);
      say("Copied");
    } catch {
      this.changed(this.hash());                             // the address is the link
      if (shown) getSelection().selectAllChildren(shown);
      say(shown ? "Press Ctrl+C" : "Copy the address");
    }
    setTimeout(() => { button.textContent = before; }, 2000);
  }

  close() {
    this.stop();
    this.resized.disconnect();
    this.themed.disconnect();
    clearTimeout(this.settling);
    cancelAnimationFrame(this.frame);
  }

  say(message) { this.status.textContent = message; }

  /** The state as the part of an address after #, and back. */
  hash() {
    const [first, other] = this.sides, state = new URLSearchParams();
    const put = (name, value, unless) => { if (value !== unless) state.set(name, value); };
    const latents = (side) => (side.moved ? Array.from(side.z, geomlib.plain).join() : "");
    put("model", first.model.value);
    put("capacity", geomlib.plain(first.capacity));
    if (this.second.checked) {
      put("model2", other.model.value);
      if (!this.linked.checked) put("capacity2", geomlib.plain(other.capacity));
      put("z2", latents(other), "");
    }
    put("plane", this.planes.value, "map");
    put("colour", this.colour.value, this.colour.options[0].value);
    if (this.against !== null) put("minus", Number(this.against));
    put("zoom", this.zoom.checked ? "1" : "", "");
    if (this.drawn) put("pixels", geomlib.toHex(this.image));
    else {
      put("uc", this.uc);
      put("lc", this.lc);
      put("draw", this.repeat, 0);
    }
    put("z", latents(first), "");
    return state.toString().replaceAll("%2C", ",");
  }

  set(hash) {
    const state = new URLSearchParams(hash.replace(/^#/, "")), names = Object.keys(this.models);
    const [first, other] = this.sides;
    const number = (name, least, most, otherwise) => {
      const value = state.has(name) ? Number(state.get(name)) : NaN;
      return Number.isFinite(value) ? Math.min(Math.max(value, least), most) : otherwise;
    };
    const model = (name, otherwise) => (names.includes(state.get(name)) ? state.get(name) : otherwise);
    const missing = [];
    const compare = (name, what, shown) => {
      const asked = state.get(name);
      if (asked !== null && asked !== shown && !(Math.abs(asked - shown) < 0.006))
        missing.push(`no ${what} ${asked}: showing ${shown}`);
    };
    const pick = (select, value, otherwise) => {
      select.value = [...select.options].some((option) => option.value === value) ? value : otherwise;
    };
    this.stop();
    this.pointed = -1;
    pick(this.planes, state.get("plane"), "map");
    pick(this.colour, state.get("colour"), this.colour.options[0].value);
    this.linked.checked = !state.has("capacity2");
    this.zoom.checked = state.get("zoom") === "1";
    this.against = { 0: false, 1: true }[state.get("minus")] ?? null;
    this.choose(first, model("model", names[0]), number("capacity", 0, 1e6, Infinity));
    if (state.has("model2"))
      this.choose(other, model("model2", first.model.value), number("capacity2", 0, 1e6, first.capacity));
    this.showSecond(state.has("model2"));
    const whole = (name, most, otherwise) => Math.round(number(name, 0, most, otherwise));
    this.choosePair(SIDE * whole("uc", 12, 3) + whole("lc", 12, 9), whole("draw", 1e6, 0));
    if (/^[0-9a-f]{43}$/.test(state.get("pixels") ?? "")) {
      geomlib.fromHex(state.get("pixels"), this.image);
      this.drawnByHand();
    }
    for (const [side, name] of [[first, "z"], [other, "z2"]]) {
      const z = (state.get(name) ?? "").split(",").map(Number);
      if (!state.has(name) || !side.stops || z.length !== side.z.length || !z.every(Number.isFinite)) continue;
      side.z.set(z);
      side.moved = true;
    }
    [first, other].slice(0, 1 + state.has("model2")).forEach((side, n) => {
      compare(`model${n ? 2 : ""}`, "model", side.model.value);
      compare(`capacity${n ? 2 : ""}`, "capacity", geomlib.plain(side.capacity));
    });
    compare("uc", this.sides[0].world.places[0], this.uc);
    compare("lc", this.sides[0].world.places[1], this.lc);
    compare("plane", "plane", this.planes.value);
    compare("colour", "colour", this.colour.value);
    this.more.open ||= state.has("plane") || state.has("zoom") || this.second.checked;     // what is set can be seen
    this.drawing.open ||= this.drawn;
    for (const side of this.shown) side.inside.open ||= side.moved;
    this.say(missing.join("; "));
    this.takeView();
  }
}

/**
 * Put the explorer into an element.
 *
 * index    of geomlib.explorer.index      load(slug)  -> promise of a raw network
 * hash     the state to start with        changed(hash)  is called when the state has changed
 * returns  the Page: set(hash) changes the state, cloud = [z, ...] and update() show more codes, close() ends it
 */
geomlib.explore = (root, given) => {
  if (!geomlib.engineRuns()) {
    root.textContent = geomlib.NO_ENGINE;
    throw new Error(geomlib.NO_ENGINE);
  }
  return (root.explorer = new Page(root, given));
};

/** Once, when the page comes into sight: the capacity falls, and comes back. Whatever the reader does ends it. */
function introduce(page) {
  const [side] = page.sides, home = side.position(), events = ["pointerdown", "keydown"];
  const end = ({ target }) => {
    for (const name of events) page.root.removeEventListener(name, end, true);
    seen.disconnect();
    if (page.playing && target !== side.play) page.stop();
  };
  const seen = new IntersectionObserver(([{ isIntersecting }]) => {
    if (!isIntersecting) return;
    seen.disconnect();
    if (!page.playing) page.play(side, [side.stops.length - 1, 0, home], 4000);
  }, { threshold: 0.6 });
  for (const name of events) page.root.addEventListener(name, end, true);
  seen.observe(side.plot);
}

/** The book's page: networks lie beside this script, the state in the address. */
const folder = document.currentScript?.src.replace(/[^/]*$/, "");
geomlib.book = (root) => {
  const load = (slug) => new Promise((resolve, reject) => {
    if (geomlib.networks[slug]) return resolve(geomlib.networks[slug]);
    const script = document.createElement("script");
    script.src = `${folder}${slug}.js`;
    script.onload = () => resolve(geomlib.networks[slug]);
    script.onerror = reject;
    document.head.append(script);
  });
  const views = document.querySelector(".views");            // links with texts, where the page has them
  const names = [...views?.querySelectorAll("dt") ?? []], link = (name) => name.querySelector("a");
  const state = () => (location.hash.includes("=") ? location.hash : names.length ? link(names[0]).hash : "");
  const show = () => {                     // the text of the view that the address names; else as it was
    const named = names.find((name) => decodeURI(link(name).hash) === decodeURI(state()));
    if (named) for (const name of names) name.classList.toggle("on", name === named);
  };
  const mark = (hash) => {                                   // the view, as long as nothing is changed that it sets
    const now = new URLSearchParams(hash);
    for (const name of names) {
      const same = [...new URLSearchParams(link(name).hash.slice(1))].every(([key, value]) => now.get(key) === value);
      link(name).ariaCurrent = same && name.classList.contains("on") ? "true" : null;
    }
  };
  views?.classList.add("tabs");
  show();
  const page = geomlib.explore(root, { index: geomlib.index, load, hash: state(),
    changed: (hash) => { history.replaceState(null, "", `#${hash}`); mark(hash); } });
  Object.assign(root, { tabIndex: -1, role: "region", ariaLabel: "Explorer" });
  if (!location.hash.includes("=") && !still.matches) introduce(page);
  addEventListener("hashchange", () => {
    if (!location.hash.includes("=")) return;                // a heading of the page, not a view
    show();
    page.set(location.hash);
    root.focus({ preventScroll: true });
    (views ?? root).scrollIntoView({ behavior: still.matches ? "instant" : "smooth" });
  });
};
}
