// The explorer: the stimulus and the controls that all networks share, one or two networks, the state and its address.
"use strict";
{
const SIDE = 13;
const still = matchMedia("(prefers-reduced-motion: reduce)");

const options = (select, values) => select.replaceChildren(...values.map(([value, label]) => new Option(label, value)));

const PAGE_HTML = `
<div class="controls shared">
  <label>Plane <select name="plane"></select></label>
  <label>Colour <select name="colour"></select></label>
  <span class="key"><span class="pick"><canvas width="13" height="13" role="img"></canvas><i></i></span>
    <span>x_UC ↓<br>x_LC →</span></span>
  <span class="checks"><label><input type="checkbox" name="second"> Second network</label>
    <label><input type="checkbox" name="linked" checked> at the same capacity</label></span>
</div>
<div class="stage">
  <section class="stimulus" aria-label="Stimulus">
    <input type="range" name="uc" min="0" max="12" aria-label="x_UC, column of the upper corridor"><output></output>
    <span class="pick"><canvas class="image" width="13" height="13" tabindex="0" role="application"
      aria-roledescription="image to draw on"></canvas><i></i></span>
    <div>
      <h2>Stimulus</h2>
      <p>Move its corridors, click a point, or draw: click pixels, or walk with the arrow keys and press space.</p>
      <button type="button" name="again">New noise</button> <button type="button" name="clear">Clear</button>
    </div>
    <input type="range" name="lc" min="0" max="12" aria-label="x_LC, column of the lower corridor"><output></output>
  </section>
</div>
<div class="command"><h2>On your computer</h2><ul></ul></div>
<p class="status" role="status"></p>`;

/** All of the explorer: the shared controls and the stimulus, one or two sides, the state. */
class Page {
  constructor(root, { index, load, hash = "", changed = () => {} }) {
    root.innerHTML = PAGE_HTML;
    const find = (selector) => root.querySelector(selector);
    Object.assign(this, { root, index, load, changed, plane: null, cloud: [],
      image: new Float32Array(169), drawn: false,            // the stimulus; whether it was drawn by hand
      cursor: 84,                                            // the pixel that keys change
      planes: find("[name=plane]"), colour: find("[name=colour]"), key: find(".key canvas"),
      second: find("[name=second]"), linked: find("[name=linked]"), stage: find(".stage"),
      canvas: find(".stimulus canvas"),
      ucSlider: find("[name=uc]"), lcSlider: find("[name=lc]"), commands: find(".command ul"),
      status: find(".status") });
    const unpack = (stop) => Object.fromEntries(Object.entries(stop).map(([name, value]) =>
      [name, ["codes", "spreads", "map", "mapSpreads"].includes(name) ? geomlib.halves(value) : value]));
    this.models = Object.fromEntries(index.models.map(([name, stops]) => [name, stops.map(unpack)]));
    this.sides = [new geomlib.Side(this, "First"), new geomlib.Side(this, "Second")];
    this.stage.prepend(...this.sides.map((side) => side.codesPart));
    this.stage.append(...this.sides.map((side) => side.decodedPart));
    const names = Object.keys(this.models), D = Math.min(...names.map((name) => this.models[name][0].rates.length));
    this.sides.forEach((side) => options(side.model, names.map((name) => [name, name])));
    const pairs = Array.from({ length: D }, (_, j) => Array.from({ length: j }, (_, i) => `${i + 1},${j + 1}`)).flat();
    options(this.planes, [["map", "map of distances"],
      ...pairs.sort().map((pair) => [pair, `latents ${pair.replace(",", " and ")}`])]);
    options(this.colour, index.colours.map(([name]) => [name, name]));
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
    this.second.onchange = () => { this.showSecond(this.second.checked); this.update(); };
    this.linked.onchange = () => { if (this.linked.checked) this.moveCapacity(this.sides[0], this.sides[0].capacity); };
    this.ucSlider.oninput = this.lcSlider.oninput = () =>
      this.choosePair(Number(this.ucSlider.value), Number(this.lcSlider.value), this.repeat);
    this.key.onclick = (event) => this.choosePair(Math.floor(this.cell(event) / SIDE), this.cell(event) % SIDE);
    find("[name=again]").onclick = () => this.choosePair(this.uc, this.lc, this.repeat + 1);
    find("[name=clear]").onclick = () => { this.image.fill(0); this.drawnByHand(); };
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
      this.say(`${at}: ${this.image[this.cursor] ? "wall" : "open"}`);
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

  /** Take a pair (x_UC, x_LC) as the stimulus; repeat counts the draws of its noise. */
  choosePair(uc, lc, repeat = 0) {
    Object.assign(this, { uc, lc, repeat, drawn: false });
    geomlib.drawStimulus(this.image, uc, lc, repeat);
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
    side.setModel(model);
    side.setCapacity(capacity);
    side.read();
    this.rescale();
    this.update();
  }

  showSecond(shown) {
    this.second.checked = shown;
    this.stage.classList.toggle("two", shown);
    this.root.classList.toggle("two", shown);
    const [first, other] = this.sides, names = Object.keys(this.models);
    if (shown && !other.stops)
      this.choose(other, names.find((name) => name !== first.model.value) ?? names[0], first.capacity);
    this.rescale();
  }
  get shown() { return this.second.checked ? this.sides : this.sides.slice(0, 1); }

  moveCapacity(side, nats, byHand = true) {
    if (byHand) this.stop();
    for (const one of this.linked.checked ? this.shown : [side]) one.setCapacity(nats);
    this.update();
  }

  /** Sweep the capacity to the smallest, or from there to the largest; rests at each trained one. */
  play(side) {
    if (this.playing) return this.stop();
    const from = side.position(), to = from > 0 ? 0 : side.stops.length - 1, began = performance.now(), REST = 0.4;
    const step = (now) => {
      const gone = (now - began) / 1600, whole = Math.floor(gone), part = Math.min((gone - whole) / (1 - REST), 1);
      const length = Math.min(whole + (still.matches ? Math.round(part) : part), Math.abs(to - from));
      this.moveCapacity(side, side.at(from + Math.sign(to - from) * length), false);
      if (length === Math.abs(to - from)) this.stop();
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

  takeView() {
    this.plane = this.planes.value === "map" ? null : this.planes.value.split(",").map((d) => d - 1);
    this.colours = this.index.colours[this.colour.selectedIndex][1];
    geomlib.drawKey(this.key, this.colours);
    this.rescale();
    this.update();
  }

  /** One scale for all capacities and both sides, so that sizes can be compared. */
  rescale() {
    let most = 0;
    for (const stop of this.shown.flatMap((side) => side.stops ?? []))
      for (const value of this.plane ? stop.codes : stop.map) most = Math.max(most, Math.abs(value));
    this.most = most || 1;
  }
  limit() { return this.most; }
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
    for (const side of this.shown) side.draw();
    geomlib.drawImage(this.canvas, this.image);
    [this.ucSlider.value, this.lcSlider.value] = [this.uc, this.lc];
    this.ucSlider.nextElementSibling.textContent = this.drawn ? "drawn by hand" : `x_UC ${this.uc}`;
    this.lcSlider.nextElementSibling.textContent = this.drawn ? "" : `x_LC ${this.lc}`;
    const mark = (canvas, cell) => {
      canvas.nextElementSibling.style.setProperty("--row", Math.floor(cell / SIDE));
      canvas.nextElementSibling.style.setProperty("--column", cell % SIDE);
    };
    mark(this.canvas, this.cursor);
    mark(this.key, this.uc * SIDE + this.lc);
    this.key.nextElementSibling.hidden = this.drawn;
    clearTimeout(this.settling);
    this.settling = setTimeout(() => this.settle(), 200);
  }

  /** What may wait until the hand rests: words for the pictures, commands, the address. */
  settle() {
    for (const side of this.shown) side.describe();
    this.key.setAttribute("aria-label", `Colour of each pair, x_UC down, x_LC across: ${this.colour.value}`);
    const origin = this.drawn ? "drawn by hand" : `x_UC ${this.uc}, x_LC ${this.lc}`;
    this.canvas.setAttribute("aria-label", `Stimulus, ${origin}. ${geomlib.describeImage(this.image)} ` +
      "Arrow keys move between pixels, space changes one.");
    const lines = [...new Set(this.shown.flatMap((side) => side.stops[Math.floor(side.position())].commands))];
    if (this.commands.textContent !== lines.join(""))
      this.commands.replaceChildren(...lines.map((line) => this.command(line)));
    this.changed(this.hash());
  }

  command(line) {
    const [item, code, button] = ["li", "code", "button"].map((tag) => document.createElement(tag));
    code.textContent = line;
    button.type = "button";
    button.setAttribute("aria-label", `Copy: ${line}`);
    button.onclick = async () => {
      try {
        await navigator.clipboard.writeText(line);
        this.say("Copied.");
      } catch {                              // not allowed here: leave the line marked for the reader to copy
        getSelection().selectAllChildren(code);
        this.say("Marked: copy it with Ctrl+C.");
      }
    };
    item.append(code, button);
    return item;
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
    put("colour", this.colour.value, "x_UC");
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
    const model = (name, otherwise) => {
      const asked = state.get(name);
      if (asked && !names.includes(asked)) this.say(`The network ${asked} is not here; this is ${otherwise}.`);
      return names.includes(asked) ? asked : otherwise;
    };
    const pick = (select, value, otherwise) => {
      select.value = [...select.options].some((option) => option.value === value) ? value : otherwise;
    };
    this.stop();
    this.say("");
    pick(this.planes, state.get("plane"), "map");
    pick(this.colour, state.get("colour"), this.colour.options[0].value);
    this.linked.checked = !state.has("capacity2");
    this.choose(first, model("model", names[0]), number("capacity", 0, 1e6, Infinity));
    if (state.has("model2"))
      this.choose(other, model("model2", first.model.value), number("capacity2", 0, 1e6, first.capacity));
    this.showSecond(state.has("model2"));
    this.choosePair(...[number("uc", 0, 12, 3), number("lc", 0, 12, 9), number("draw", 0, 1e6, 0)].map(Math.round));
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
geomlib.explore = (root, given) => (root.explorer = new Page(root, given));

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
  const page = geomlib.explore(root, { index: geomlib.index, load, hash: location.hash,
    changed: (hash) => history.replaceState(null, "", `#${hash}`) });
  addEventListener("hashchange", () => page.set(location.hash));
};
}
