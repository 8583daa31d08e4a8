// The explorer: controls, pictures and state around network.js and plot.js. `geomlib.explore` puts it into an element.
"use strict";
{
const SIDE = 13, SIGMA = 1.2;                // of geomlib/data.py
const ACTIVE = 0.01;                         // of geomlib/measures.py: nats, from which on a latent is in use
const REACH = 4;                             // of the latents' sliders
const still = matchMedia("(prefers-reduced-motion: reduce)");

const text = (x, digits = 2) => x.toFixed(digits).replace("-", "−");
const plain = (x) => String(Math.round(x * 100) / 100);
const options = (select, values) => select.replaceChildren(...values.map(([value, label]) => new Option(label, value)));

/** Seeded numbers in 0..1 (mulberry32). */
function random(seed) {
  return () => {
    let t = (seed += 0x6d2b79f5);
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Fill image (169) with a draw of the pair (uc, lc): a pixel is open with a probability that falls off from the corridor. */
function drawStimulus(image, uc, lc, draw) {
  const next = random(draw * 169 + uc * SIDE + lc);
  for (let i = 0; i < 169; i++) {
    const row = Math.floor(i / SIDE), away = (i % SIDE) - (row < 6 ? uc : lc);
    image[i] = row !== 6 && next() >= Math.exp(-(away ** 2) / (2 * SIGMA ** 2)) ? 1 : 0;
  }
}

const SIDE_HTML = `
<section class="codes">
  <div class="controls">
    <label>Network <select name="model"></select></label>
    <label class="wide">Capacity <span class="capacity"></span>
      <input type="range" name="capacity" min="0" step="0.01"><span class="stops" aria-hidden="true"></span></label>
    <button type="button" name="play">Play</button>
  </div>
  <canvas class="plot" role="img"></canvas>
  <p class="note"></p>
</section>
<section class="decoded">
  <canvas class="image" width="13" height="13" role="img"></canvas>
  <div>
    <h2></h2><p class="facts"></p>
    <button type="button" name="back">Back to the stimulus</button>
  </div>
  <div class="latents"><div class="head"><span>latent</span><span></span><span>rate</span></div></div>
  <dl></dl>
</section>`;

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

/** One network beside its stimulus: its codes in the plane, its reconstruction, answers and latents. */
class Side {
  constructor(page, number) {
    const template = document.createElement("template");
    template.innerHTML = SIDE_HTML;
    [this.codesPart, this.decodedPart] = template.content.children;
    this.codesPart.setAttribute("aria-label", `${number} network: codes`);
    this.decodedPart.setAttribute("aria-label", `${number} network: reconstruction`);
    const find = (selector) => this.codesPart.querySelector(selector) ?? this.decodedPart.querySelector(selector);
    Object.assign(this, { page, model: find("[name=model]"), slider: find("[name=capacity]"), stopsText: find(".stops"),
      capacityText: find(".capacity"), play: find("[name=play]"), plot: find(".plot"), note: find(".note"),
      image: find(".image"), title: find("h2"), facts: find(".facts"), answers: find("dl"), back: find("[name=back]"),
      latents: find(".latents") });
    this.points = new Float32Array(338);     // of the 169 pairs in the plane, as drawn
    this.spreads = new Float32Array(338);    // of their codes' noise there
    this.networks = {};                      // by slug, those seen so far: their arrays are this side's own
    this.network = null;                     // of this.slug, when it has arrived; null between trained capacities
    this.listen();
  }

  listen() {
    const { page } = this;
    this.model.onchange = () => page.choose(this, this.model.value, this.capacity);
    this.slider.oninput = () => page.moveCapacity(this, this.at(Number(this.slider.value)));
    this.slider.onpointerup = () => {        // stays at a trained capacity when let go near it
      const p = Number(this.slider.value);
      if (Math.abs(p - Math.round(p)) < 0.15) page.moveCapacity(this, this.at(Math.round(p)));
    };
    this.slider.onkeydown = (event) => {
      const p = this.position(), fifth = Math.round(p * 5) / 5;
      const to = { ArrowRight: fifth + 0.2, ArrowUp: fifth + 0.2, ArrowLeft: fifth - 0.2, ArrowDown: fifth - 0.2,
        PageUp: Math.floor(p) + 1, PageDown: Math.ceil(p) - 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      page.moveCapacity(this, this.at(Math.round(to * 5) / 5));
    };
    this.play.onclick = () => page.play(this);
    this.plot.onclick = (event) => {
      const half = this.plot.clientWidth / 2, scale = (half - 26) / page.limit();
      const x = (event.offsetX - half) / scale, y = (half - event.offsetY) / scale;
      let nearest = 0, least = Infinity;
      for (let i = 0; i < 169; i++) {
        const distance = Math.hypot(this.points[2 * i] - x, this.points[2 * i + 1] - y);
        if (distance < least) [nearest, least] = [i, distance];
      }
      page.choosePair(Math.floor(nearest / SIDE), nearest % SIDE);
    };
    this.back.onclick = () => { this.moved = false; page.update(); };
  }

  /** Take a model; its sliders and stops follow. */
  setModel(name) {
    this.stops = this.page.models[name];
    this.model.value = name;
    this.slider.max = this.stops.length - 1;
    this.slider.disabled = this.play.disabled = this.stops.length === 1;
    this.stopsText.replaceChildren(...this.stops.map(({ capacity }) => {
      const label = document.createElement("span");
      label.textContent = plain(capacity);
      return label;
    }));
    const D = this.stops[0].rates.length;
    this.z = new Float64Array(D);
    this.sd = new Float64Array(D);
    this.moved = false;
    this.latents.replaceChildren(this.latents.firstChild, ...Array.from({ length: D }, (_, d) => this.latent(d)));
  }

  latent(d) {
    const row = document.createElement("div");
    row.className = "latent";
    row.innerHTML = `<span>z<sub>${d + 1}</sub></span>
      <input type="range" min="${-REACH}" max="${REACH}" step="0.05" aria-label="latent ${d + 1}">
      <output></output><span class="rate"></span>`;
    const slider = row.querySelector("input");
    slider.oninput = () => { this.moved = true; this.z[d] = Number(slider.value); this.page.update(); };
    return row;
  }

  /** Slider position (0 = the first trained capacity, 1 = the next, ...) -> capacity in nats, and back. */
  at(position) {
    const p = Math.min(Math.max(position, 0), this.stops.length - 1), i = Math.min(Math.floor(p), this.stops.length - 1);
    const here = this.stops[i].capacity;
    return p === i ? here : here + (p - i) * (this.stops[i + 1].capacity - here);
  }
  position() {
    const c = this.stops.map((stop) => stop.capacity), i = c.findLastIndex((x) => x <= this.capacity);
    if (i < 0) return 0;
    return i === c.length - 1 ? i : i + (this.capacity - c[i]) / (c[i + 1] - c[i]);
  }

  setCapacity(nats) {
    const c = this.stops.map((stop) => stop.capacity);
    this.capacity = Math.min(Math.max(nats, c[0]), c.at(-1));
    const trained = this.stops.find((stop) => Math.abs(stop.capacity - this.capacity) < 1e-6);
    if (trained) this.capacity = trained.capacity;
    if (trained?.slug === this.slug) return;
    [this.slug, this.network, this.moved] = [trained?.slug, null, false];
    if (trained) this.page.load(trained.slug).then((raw) => {
      if (this.slug !== trained.slug) return;                // another was chosen meanwhile
      this.network = this.networks[this.slug] ??= new geomlib.Network(raw);
      this.read();
      this.page.update();
    }, () => this.page.say(`The network ${trained.slug} could not be loaded.`));
  }

  /** Encode the stimulus; its code goes to the latents unless they were moved by hand. */
  read() {
    if (!this.network) return;
    this.network.encode(this.page.image);
    for (let d = 0; d < this.sd.length; d++) this.sd[d] = Math.exp(this.network.logvar[d] / 2);
  }

  /** Put the points of the 169 pairs at the capacity chosen; between trained ones they are interpolated. */
  place() {
    const p = this.position(), i = Math.floor(p), t = p - i, { plane } = this.page;
    const [width, x, y] = plane ? [this.z.length, ...plane] : [2, 0, 1], from = this.stops[i], to = this.stops[t ? i + 1 : i];
    const mix = (a, b, out) => {
      for (let k = 0; k < 169; k++) {
        out[2 * k] = (1 - t) * a[k * width + x] + t * b[k * width + x];
        out[2 * k + 1] = (1 - t) * a[k * width + y] + t * b[k * width + y];
      }
    };
    if (plane) {
      mix(from.codes, to.codes, this.points);
      mix(from.spreads, to.spreads, this.spreads);
    } else {
      mix(from.map, to.map, this.points);
      mix(from.mapSpreads, to.mapSpreads, this.spreads);
    }
    return t;
  }

  draw() {
    const { page, network } = this, { plane, colours } = page, t = this.place(), i = Math.floor(this.position());
    const here = this.stops[i];
    if (network && !this.moved) this.z.set(network.mu);
    this.slider.value = this.position();
    this.capacityText.textContent = t ? `≈ ${text(this.capacity)} nats` : `${plain(this.capacity)} nats`;
    this.slider.setAttribute("aria-valuetext", t ? `about ${text(this.capacity)} nats, interpolated` : `${plain(this.capacity)} nats, trained`);
    this.codesPart.classList.toggle("between", t > 0);
    this.note.textContent = t
      ? `Interpolated between the networks trained at ${plain(here.capacity)} and ${plain(this.stops[i + 1].capacity)} nats.`
      : `Trained network: rate ${text(here.rates.reduce((a, b) => a + b))} nats, ` +
        `${here.rates.filter((rate) => rate > ACTIVE).length} of ${here.rates.length} latents in use.`;
    const pair = page.uc * SIDE + page.lc, near = (array) => [array[2 * pair], array[2 * pair + 1]];
    geomlib.drawCodes(this.plot, { points: this.points, spreads: this.spreads, colours, limit: page.limit(), latents: plane,
      hollow: t > 0, chosen: page.drawn ? -1 : pair, cloud: plane && this === page.sides[0] ? page.cloudIn(plane) : [],
      code: plane && network ? [...plane.map((d) => network.mu[d]), ...plane.map((d) => this.sd[d])]
        : page.drawn ? null : [...near(this.points), ...near(this.spreads)],
      hand: plane && network && this.moved ? plane.map((d) => this.z[d]) : null, style: page.style });
    this.decodedPart.classList.toggle("empty", !network);
    this.back.hidden = !(network && this.moved);
    this.latents.firstChild.children[1].textContent = !network ? "" : this.moved ? "by hand" : "mean ± spread";
    this.drawLatents(here);
    if (network) this.drawDecoded();
    else {
      this.image.getContext("2d").clearRect(0, 0, SIDE, SIDE);
      this.title.textContent = t ? "No image here" : "Loading …";
      this.facts.textContent = t ? "No network was trained at this capacity. Images come back at the marks." : "";
      this.answers.replaceChildren();
      this.asked = null;
    }
  }

  drawDecoded() {
    const { network, page } = this, { pixels, mu, logvar } = network;
    network.decode(this.z);
    network.classify(this.z);
    geomlib.drawImage(this.image, pixels);
    let error = 0, rate = 0;
    for (let k = 0; k < 169; k++) error += (pixels[k] - page.image[k]) ** 2 / 169;
    for (let d = 0; d < mu.length; d++) rate += (mu[d] ** 2 + Math.exp(logvar[d]) - 1 - logvar[d]) / 2;
    this.title.textContent = this.moved ? "Decoded from your latents" : "Reconstruction";
    this.facts.textContent = this.moved ? "" : `squared error ${text(error, 3)}, rate ${text(rate)} nats`;
    if (this.asked !== network) this.answers.replaceChildren(...Object.keys(network.heads).flatMap((task) => {
      const [dt, dd] = [document.createElement("dt"), document.createElement("dd")];
      dt.textContent = `${page.index.tasks[task].question}?`;
      dd.innerHTML = "<i></i><b></b><span></span>";
      return [dt, dd];
    }));
    this.asked = network;
    Object.entries(network.heads).forEach(([task, { probabilities: p }], n) => {
      const { classes, truth } = page.index.tasks[task], dd = this.answers.children[2 * n + 1];
      let best = 0;
      for (let k = 1; k < p.length; k++) if (p[k] > p[best]) best = k;
      const answer = p.length === 1 ? Number(p[0] > 0.5) : best, sure = p.length === 1 && !answer ? 1 - p[0] : p[best];
      dd.style.setProperty("--part", sure);
      dd.children[1].textContent = `${classes[answer]} (${text(sure)})`;
      dd.lastChild.textContent = page.drawn || this.moved ? "" : answer === truth[page.uc * SIDE + page.lc] ? "right" : "wrong";
    });
  }

  drawLatents({ rates }) {
    const { network } = this;
    rates.forEach((rate, d) => {
      const row = this.latents.children[d + 1], [, slider, value, note] = row.children;
      slider.disabled = !network;
      if (network) {
        slider.value = this.z[d];
        const part = (x) => Math.min(Math.max((x + REACH) / (2 * REACH), 0), 1);
        row.style.setProperty("--from", part(network.mu[d] - this.sd[d]));
        row.style.setProperty("--to", part(network.mu[d] + this.sd[d]));
      }
      value.textContent = !network ? "" : this.moved ? text(this.z[d]) : `${text(this.z[d])} ± ${text(this.sd[d])}`;
      row.classList.toggle("unused", Boolean(network) && rate <= ACTIVE);
      note.style.setProperty("--part", network ? Math.min(rate / 4, 1) : 0);
      note.textContent = !network ? "" : rate > ACTIVE ? `${text(rate)} nats` : "unused";
    });
  }

  /** What the pictures show, in words. */
  describe() {
    const { page } = this, pair = page.uc * SIDE + page.lc;
    let spread = 0, mx = 0, my = 0;
    for (let k = 0; k < 169; k++) [mx, my] = [mx + this.points[2 * k] / 169, my + this.points[2 * k + 1] / 169];
    for (let k = 0; k < 169; k++) spread += ((this.points[2 * k] - mx) ** 2 + (this.points[2 * k + 1] - my) ** 2) / 169;
    this.plot.setAttribute("aria-label", `Mean codes of the 169 pairs of corridors in ${this.model.value} at ` +
      `${this.slider.getAttribute("aria-valuetext")}, ` +
      (page.plane ? `latent ${page.plane[0] + 1} across, latent ${page.plane[1] + 1} up` : "in a two-dimensional map") +
      `, coloured by ${page.colour.value}. They lie ${text(Math.sqrt(spread))} from their centre (root mean square).` +
      (page.drawn ? "" : ` Pair x_UC ${page.uc}, x_LC ${page.lc} is ringed, at ` +
        `${text(this.points[2 * pair])}, ${text(this.points[2 * pair + 1])}.`));
    this.image.setAttribute("aria-label", this.network ? `${this.title.textContent} by ${this.model.value} at ` +
      `${plain(this.capacity)} nats; open where white. ${corridors(this.network.pixels)}` : "No image at this capacity");
  }
}

/** Where an image (169) is open, in words: the column with most light in each half. */
function corridors(pixels) {
  const lightest = (first) => {
    let best = 0, most = -1;
    for (let column = 0; column < SIDE; column++) {
      let light = 0;
      for (let row = first; row < first + 6; row++) light += 1 - pixels[row * SIDE + column];
      if (light > most) [best, most] = [column, light];
    }
    return `column ${best} (${Math.round((most / 6) * 100)} % open)`;
  };
  return `Lightest above: ${lightest(0)}, below: ${lightest(7)}.`;
}

/** All of the explorer: the shared controls and the stimulus, one or two sides, the state. */
class Page {
  constructor(root, { index, load, hash = "", changed = () => {} }) {
    root.innerHTML = PAGE_HTML;
    const find = (selector) => root.querySelector(selector);
    Object.assign(this, { root, index, load, changed, plane: null, drawn: false, cursor: 84, cloud: [], image: new Float32Array(169),
      planes: find("[name=plane]"), colour: find("[name=colour]"), key: find(".key canvas"), second: find("[name=second]"),
      linked: find("[name=linked]"), stage: find(".stage"), stimulus: find(".stimulus"), canvas: find(".stimulus canvas"),
      ucSlider: find("[name=uc]"), lcSlider: find("[name=lc]"), commands: find(".command ul"),
      status: find(".status") });
    this.models = Object.fromEntries(index.models.map(([name, stops]) => [name, stops.map(unpack)]));
    this.sides = [new Side(this, "First"), new Side(this, "Second")];
    this.stage.prepend(...this.sides.map((side) => side.codesPart));
    this.stage.append(...this.sides.map((side) => side.decodedPart));
    const names = Object.keys(this.models), D = Math.min(...names.map((name) => this.models[name][0].rates.length));
    this.sides.forEach((side) => options(side.model, names.map((name) => [name, name])));
    const pairs = Array.from({ length: D }, (_, j) => Array.from({ length: j }, (_, i) => `${i + 1},${j + 1}`)).flat();
    options(this.planes, [["map", "map of distances"], ...pairs.sort().map((pair) => [pair, `latents ${pair.replace(",", " and ")}`])]);
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
      const to = { ArrowUp: [row - 1, column], ArrowDown: [row + 1, column], ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1] }[key];
      if (!to && key !== " " && key !== "Enter") return;
      event.preventDefault();
      if (!to) this.setPixel(1 - this.image[this.cursor]);
      else if (to.every((x) => x >= 0 && x < SIDE)) this.cursor = to[0] * SIDE + to[1];
      this.say(`Row ${Math.floor(this.cursor / SIDE)}, column ${this.cursor % SIDE}: ${this.image[this.cursor] ? "wall" : "open"}`);
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
    drawStimulus(this.image, uc, lc, repeat);
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
    if (shown && !other.stops) this.choose(other, names.find((name) => name !== first.model.value) ?? names[0], first.capacity);
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
    this.canvas.setAttribute("aria-label", `Stimulus, ${this.drawn ? "drawn by hand" : `x_UC ${this.uc}, x_LC ${this.lc}`}. ${corridors(this.image)} ` +
      "Arrow keys move between pixels, space changes one.");
    const lines = new Set(this.shown.flatMap((side) => side.stops[Math.floor(side.position())].commands));
    if (this.commands.textContent !== [...lines].join("")) this.commands.replaceChildren(...[...lines].map((line) => this.command(line)));
    this.changed(this.hash());
  }

  command(line) {
    const item = document.createElement("li"), code = document.createElement("code"), button = document.createElement("button");
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
    const latents = (side) => (side.moved ? Array.from(side.z, (x) => plain(x)).join() : "");
    put("model", first.model.value);
    put("capacity", plain(first.capacity));
    if (this.second.checked) {
      put("model2", other.model.value);
      if (!this.linked.checked) put("capacity2", plain(other.capacity));
      put("z2", latents(other), "");
    }
    put("plane", this.planes.value, "map");
    put("colour", this.colour.value, "x_UC");
    if (this.drawn) put("pixels", toHex(this.image));
    else {
      put("uc", this.uc);
      put("lc", this.lc);
      put("draw", this.repeat, 0);
    }
    put("z", latents(first), "");
    return state.toString().replaceAll("%2C", ",");
  }

  set(hash) {
    const state = new URLSearchParams(hash.replace(/^#/, "")), [first, other] = this.sides, names = Object.keys(this.models);
    const number = (name, least, most, otherwise) => {
      const value = state.has(name) ? Number(state.get(name)) : NaN;
      return Number.isFinite(value) ? Math.min(Math.max(value, least), most) : otherwise;
    };
    const model = (name, otherwise) => {
      const asked = state.get(name);
      if (asked && !names.includes(asked)) this.say(`The network ${asked} is not here; this is ${otherwise}.`);
      return names.includes(asked) ? asked : otherwise;
    };
    const pick = (select, value, otherwise) => { select.value = [...select.options].some((o) => o.value === value) ? value : otherwise; };
    this.stop();
    this.say("");
    pick(this.planes, state.get("plane"), "map");
    pick(this.colour, state.get("colour"), this.colour.options[0].value);
    this.linked.checked = !state.has("capacity2");
    this.choose(first, model("model", names[0]), number("capacity", 0, 1e6, Infinity));
    if (state.has("model2")) this.choose(other, model("model2", first.model.value), number("capacity2", 0, 1e6, first.capacity));
    this.showSecond(state.has("model2"));
    this.choosePair(Math.round(number("uc", 0, 12, 3)), Math.round(number("lc", 0, 12, 9)), Math.round(number("draw", 0, 1e6, 0)));
    if (/^[0-9a-f]{43}$/.test(state.get("pixels") ?? "")) {
      fromHex(state.get("pixels"), this.image);
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
 * A trained capacity of the index, with arrays for its numbers. On the map, a code's spread is the root mean square of
 * its latents', weighted by how much the codes of the pairs differ in each: unused latents don't show there.
 */
function unpack(stop) {
  const [codes, spreads, map] = [stop.codes, stop.spreads, stop.map].map(geomlib.halves), D = stop.rates.length;
  const variance = stop.rates.map((_, d) => {
    let sum = 0, squares = 0;
    for (let k = d; k < codes.length; k += D) [sum, squares] = [sum + codes[k], squares + codes[k] ** 2];
    return squares / 169 - (sum / 169) ** 2;
  });
  const total = variance.reduce((a, b) => a + b) || 1;
  const mapSpreads = Float32Array.from(map, (_, k) =>
    Math.sqrt(variance.reduce((sum, v, d) => sum + (v / total) * spreads[(k >> 1) * D + d] ** 2, 0)));
  return { ...stop, codes, spreads, map, mapSpreads };
}

/** 169 bits as 43 hexadecimal digits, and back. */
function toHex(image) {
  return Array.from({ length: 43 }, (_, i) => [0, 1, 2, 3].reduce((sum, k) => sum + ((image[4 * i + k] ?? 0) << k), 0).toString(16)).join("");
}
function fromHex(hex, image) {
  for (let i = 0; i < 169; i++) image[i] = (parseInt(hex[i >> 2], 16) >> (i & 3)) & 1;
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
