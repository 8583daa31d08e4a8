// One network of the explorer: its codes in the plane, and what it makes of the stimulus.
"use strict";
{
const SIDE = 13, { number, plain, nats } = geomlib;
const ACTIVE = 0.01;                         // of geomlib/measures.py: nats, from which on a latent is in use
const REACH = 4;                             // of the latents' sliders
const CLOSE = 20;                            // px: a mouse or finger points at a point so near
const FAR = 12;                              // of networks.py: d' of the limit from which it is endless
const BLURRED = 2;                           // nats, below which images are shown against the mean image

/** Terms that a reader may not know: each is explained where it stands, under the mouse, in focus, or tapped. */
const TERMS = {
  Capacity: "How much the code may tell of an image, on average, in nats. 1 nat = 1.44 bits.",
  latent: "One of the numbers of a code. Each network has its own: latent 1 of two networks is not the same thing.",
  rate: "The most that a latent can tell of the image, on average. Below 0.01 nats it counts as unused.",
  "minus the mean image": "Lighter: more open than in the mean of all images; darker: less; stretched to full " +
    "contrast. On where little is left of the image, below 2 nats.",
  "told apart": "d′ is the distance of two codes in units of the code’s noise. An observer of the code who is shown " +
    "both says which was which in 76 % of trials at d′ 1, in 98 % at 3; 50 % is guessing.",
  Plane: "The map is flat, codes have more dimensions: its distances come as near as they can to those of the codes. " +
    "In a plane of two latents, a cross marks where the sliders stand.",
};
geomlib.term = (name, shown = name) =>
  `<span class="term" tabindex="0">${shown}<span role="tooltip">${TERMS[name]}</span></span>`;

/** Names of the data in a reader's words. */
geomlib.words = (name) => name.replace(/x_UC/g, "upper").replace(/x_LC/g, "lower");

const SIDE_HTML = `
<div class="controls">
  <label>Network <select name="model"></select></label>
  <label class="wide">${geomlib.term("Capacity")} <span class="capacity"></span>
    <input type="range" name="capacity" min="0" step="0.01"><span class="stops" aria-hidden="true"></span></label>
  <button type="button" name="play">Play</button>
  <p class="about"></p>
</div>
<section class="codes">
  <canvas class="plot" tabindex="0" role="application" aria-roledescription="map of codes"></canvas>
  <p class="pair"><span></span> ${geomlib.term("told apart", "d′?")}</p>
  <p class="note"></p>
</section>
<section class="decoded">
  <h2>Reconstruction</h2>
  <canvas class="image" width="13" height="13" role="img"></canvas>
  <label><input type="checkbox" name="against"> ${geomlib.term("minus the mean image")}</label>
  <p class="facts"></p>
  <dl></dl>
  <button type="button" name="back">Back to the stimulus</button>
  <details class="inside"><summary>Latents</summary>
    <div class="latents"><div class="head">
      <span>${geomlib.term("latent", "z")}</span><span></span><span>${geomlib.term("rate")}</span></div></div>
  </details>
</section>`;

/** d' of each two stimuli (169 x 169), from their mean codes and the noise on them (169 x D). */
function dprimeOf({ codes, spreads }) {
  const D = codes.length / 169, found = new Float32Array(169 * 169);
  for (let a = 0; a < 169; a++) for (let b = 0; b < a; b++) {
    let sum = 0;
    for (let d = 0; d < D; d++) {
      const [i, j] = [a * D + d, b * D + d];
      sum += (2 * (codes[i] - codes[j]) ** 2) / (spreads[i] ** 2 + spreads[j] ** 2);
    }
    found[169 * a + b] = found[169 * b + a] = Math.sqrt(sum);
  }
  return found;
}

/** One network beside its stimulus: its codes in the plane, its reconstruction, answers and latents. */
class Side {
  constructor(page, which) {
    const template = document.createElement("template");
    template.innerHTML = SIDE_HTML;
    this.parts = [...template.content.children];
    const [, codes, decoded] = this.parts, find = (selector) => template.content.querySelector(selector);
    codes.setAttribute("aria-label", `${which} network: codes`);
    decoded.setAttribute("aria-label", `${which} network: reconstruction`);
    Object.assign(this, { page, model: find("[name=model]"), slider: find("[name=capacity]"), stopsText: find(".stops"),
      capacityText: find(".capacity"), about: find(".about"), play: find("[name=play]"), plot: find(".plot"),
      note: find(".note"), pairText: find(".pair span"), image: find(".image"), title: find("h2"),
      facts: find(".facts"), answers: find("dl"), back: find("[name=back]"), against: find("[name=against]"),
      inside: find("details"), latents: find(".latents") });
    this.points = new Float32Array(338);     // of the 169 pairs in the plane, as drawn
    this.spreads = new Float32Array(338);    // of their codes' noise there
    this.edges = new Float32Array(312);      // d' of the neighbours
    this.networks = {};                      // by slug, those seen so far: their arrays are this side's own
    this.network = null;                     // of this.slug, when it has arrived; null between trained capacities
    this.listen();
  }

  listen() {
    const { page } = this;
    this.model.onchange = () => {
      page.choose(this, this.model.value, this.capacity);
      page.recolour(this.model.value);
    };
    this.slider.oninput = () => page.moveCapacity(this, this.at(Number(this.slider.value)));
    // Let go, it goes to the nearest trained capacity, where there is an image.
    this.slider.onpointerup = () => page.moveCapacity(this, this.at(Math.round(Number(this.slider.value))));
    this.slider.onkeydown = (event) => {
      const p = this.position();             // keys go from one trained capacity to the next
      const up = ["ArrowRight", "ArrowUp", "PageUp"].includes(event.key);
      if (!up && !["ArrowLeft", "ArrowDown", "PageDown"].includes(event.key)) return;
      event.preventDefault();
      page.moveCapacity(this, this.at(up ? Math.floor(p) + 1 : Math.ceil(p) - 1));
    };
    this.play.onclick = () => page.play(this);
    this.against.onchange = () => { page.against = this.against.checked; page.update(); };
    const point = (pair) => {
      if (pair === page.pointed) return;
      page.pointed = pair;
      this.plot.style.cursor = pair < 0 ? "" : "pointer";
      page.update();
    };
    this.plot.onclick = (event) => {
      const [pair, away] = this.nearestPair(event);
      if (away >= CLOSE) return point(-1);
      if (event.pointerType === "touch" && pair !== page.pointed) return point(pair);      // first it is compared
      page.choosePair(pair);
    };
    this.plot.onpointermove = this.plot.onpointerleave = (event) => {
      if (event.pointerType === "touch") return;
      const [pair, away] = this.nearestPair(event);
      point(event.type === "pointermove" && away < CLOSE ? pair : -1);
    };
    this.plot.onblur = () => point(-1);
    this.plot.onkeydown = (event) => {       // keys go from a pair to its neighbours, and take one as the stimulus
      const from = page.pointed < 0 ? page.pair : page.pointed, row = Math.floor(from / SIDE), column = from % SIDE;
      const to = { ArrowUp: [row - 1, column], ArrowDown: [row + 1, column],
        ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1] }[event.key];
      if (!to && event.key !== " " && event.key !== "Enter") return;
      event.preventDefault();
      if (!to) page.choosePair(from);
      else if (to.every((x) => x >= 0 && x < SIDE)) point(to[0] * SIDE + to[1]);
      page.spoken.textContent = this.compared(page.pointed < 0 ? from : page.pointed).join(", ");
    };
    this.back.onclick = () => {
      this.moved = false;
      this.latents.querySelector("input").focus();           // the button goes
      page.update();
    };
  }

  /** The pair whose point is nearest to a place in the plot, and its distance in px. */
  nearestPair({ offsetX, offsetY }) {
    const half = this.plot.clientWidth / 2, scale = (half - geomlib.margin(this.page.plane)) / this.page.limit();
    let nearest = 0, least = Infinity;
    for (let i = 0; i < 169; i++) {
      const x = half + scale * this.points[2 * i], y = half - scale * this.points[2 * i + 1];
      const distance = Math.hypot(x - offsetX, y - offsetY);   // of those on one spot, the first
      if (distance < least) [nearest, least] = [i, distance];
    }
    return [nearest, least];
  }

  /** Take a model; its sliders and stops follow. */
  setModel(name) {
    this.stops = this.page.models[name];
    this.model.value = name;
    this.slider.max = this.stops.length - 1;
    this.slider.disabled = this.play.disabled = this.stops.length === 1;
    const named = Math.ceil(this.stops.length / 8);          // every so many have room for their number
    this.stopsText.replaceChildren(...this.stops.map(({ capacity }, i) => {
      const label = document.createElement("span");
      label.textContent = i % named ? "" : plain(capacity);
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
    const p = Math.min(Math.max(position, 0), this.stops.length - 1), i = Math.floor(p);
    const here = this.stops[i].capacity;
    return p === i ? here : here + (p - i) * (this.stops[i + 1].capacity - here);
  }
  position() {
    const c = this.stops.map((stop) => stop.capacity), i = c.findLastIndex((x) => x <= this.capacity);
    if (i < 0) return 0;
    return i === c.length - 1 ? i : i + (this.capacity - c[i]) / (c[i + 1] - c[i]);
  }
  get world() { return this.page.worlds[this.stops[this.nearest()].world]; }
  nearest() { return Math.round(this.position()); }
  between() { return this.position() % 1 > 0; }
  /** The two latents of the largest rates, counted from 1. */
  largest() {
    const { rates } = this.stops[this.nearest()];
    return [...rates.keys()].sort((a, b) => rates[b] - rates[a]).slice(0, 2).sort((a, b) => a - b).map((d) => d + 1);
  }
  uses(d) { return this.stops[this.nearest()].rates[d] > ACTIVE; }

  setCapacity(nats) {
    const c = this.stops.map((stop) => stop.capacity);
    this.capacity = Math.min(Math.max(nats, c[0]), c.at(-1));
    const trained = this.stops.find((stop) => Math.abs(stop.capacity - this.capacity) < 1e-6);
    if (trained) this.capacity = trained.capacity;
    if (trained?.slug === this.slug) return;
    [this.slug, this.network, this.moved, this.limit, this.codesOnly] = [trained?.slug, null, false, null, false];
    if (trained) this.page.load(trained.slug).then((raw) => {
      if (this.slug !== trained.slug) return;                // another was chosen meanwhile
      this.limit = raw.limit ? geomlib.bytes(raw.limit) : null;
      this.codesOnly = !raw.weights;
      if (raw.weights) this.network = this.networks[this.slug] ??= new geomlib.Network(raw);
      this.read();
      this.page.update();
    }, () => this.page.say(`The network ${trained.slug} could not be loaded.`));
  }

  /** d' of two pairs in the code as it is shown; that of the best code of its rate, NaN where it isn't known. */
  dprime(a, b) {
    const p = this.position(), i = Math.floor(p), t = p - i;
    const of = (stop) => (stop.dprime ??= dprimeOf(stop))[169 * a + b];
    return t ? (1 - t) * of(this.stops[i]) + t * of(this.stops[i + 1]) : of(this.stops[i]);
  }
  limitOf(a, b) {
    if (!this.limit) return NaN;
    const byte = this.limit[169 * a + b];
    return a === b ? 0 : byte === 255 ? Infinity : FAR * (byte / 254) ** 2;
  }

  /** What an observer of the code can tell of a pair against the stimulus, in lines. */
  compared(pair) {
    const { page } = this, share = (d) => (d > 4 ? "over 99 %" : `${Math.round(100 * geomlib.toldApart(d))} %`);
    if (page.drawn) return [page.names(pair)];
    if (pair === page.pair) return [page.names(pair), "the stimulus itself"];
    const d = this.dprime(pair, page.pair), best = this.limitOf(pair, page.pair);
    const told = [page.names(pair), `d′ ${number(d)}: told apart in ${share(d)}`];
    if (Number.isNaN(best)) return told;
    return [...told, `best code: ${best === Infinity ? "never confused" : `d′ ${number(best)}, ${share(best)}`}`];
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
    const [width, x, y] = plane ? [this.z.length, ...plane] : [2, 0, 1];
    const from = this.stops[i], to = this.stops[t ? i + 1 : i];
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
    geomlib.EDGES.forEach(([a, b], k) => { this.edges[k] = this.dprime(a, b); });
  }

  draw() {
    const { network } = this, i = Math.floor(this.position()), t = this.position() - i;
    const here = this.stops[i], beside = t ? `${plain(here.capacity)} and ${nats(this.stops[i + 1].capacity)}` : "";
    if (network && !this.moved) this.z.set(network.mu);
    this.slider.value = this.position();
    this.about.textContent = geomlib.words(here.about);
    this.capacityText.textContent = t ? `≈ ${number(this.capacity, 1)} nats` : nats(this.capacity);
    this.slider.setAttribute("aria-valuetext",
      t ? `about ${number(this.capacity)} nats, interpolated` : `${nats(this.capacity)}, trained`);
    this.plot.classList.toggle("between", t > 0);
    this.note.textContent = this.noteOf(here, t, beside);
    this.drawPlot(t > 0);
    this.parts[2].classList.toggle("empty", !network);
    this.back.hidden = !(network && this.moved);
    this.inside.firstElementChild.classList.toggle("on", Boolean(network && this.moved));
    this.latents.firstChild.children[1].textContent = !network ? "" : this.moved ? "by hand" : "mean ± noise";
    this.drawLatents(here);
    if (network) return this.drawDecoded();
    this.image.getContext("2d").clearRect(0, 0, SIDE, SIDE);
    this.title.textContent = "Reconstruction";
    this.facts.textContent = t ? `No network was trained here; those beside it are at ${beside}.`
      : this.codesOnly ? "Of this network only the codes are kept here: it has a map, and no image."
      : "Loading …";
    this.answers.replaceChildren();
    this.asked = null;
  }

  /** How the network as a whole is doing, in a line or two. */
  noteOf({ rates }, t, beside) {
    const { page } = this, used = rates.filter((rate) => rate > ACTIVE).length, rate = rates.reduce((a, b) => a + b);
    const mean = (of) => geomlib.EDGES.reduce((sum, [a, b]) => sum + of(a, b), 0) / geomlib.EDGES.length;
    const own = this.edges.reduce((a, b) => a + b) / 312, best = mean((a, b) => this.limitOf(a, b));
    return (t ? `Interpolated between the networks trained at ${beside}. ` : !used
      ? "This network has collapsed: its code is the same for all images. "
      : `Mean rate ${number(rate)} nats, ${used} of ${rates.length} latents in use. `) +
      `Neighbours: mean d′ ${number(own)}` + (Number.isNaN(best) ? "." : "; in the best code of this rate " +
        (best === Infinity ? "none is ever confused." : `${number(best)}.`)) +
      (page.plane || !(page.drawn || this.moved) ? ""
        : ` Your ${this.moved ? "latents are" : "drawing is"} not on this map: choose a plane of latents` +
          (used > 1 ? `, such as ${this.largest().join(" and ")}.` : "."));
  }

  drawPlot(hollow, canvas = this.plot, size = canvas.clientWidth) {
    const { page, network, points, spreads, edges } = this, { plane, pair, pointed } = page;
    const along = (latents) => plane.map((d) => latents[d]), near = (array) => [array[2 * pair], array[2 * pair + 1]];
    let code = null;                         // that of the stimulus itself; where it can't be placed, its pair's
    if (plane && network) code = [...along(network.mu), ...along(this.sd)];
    else if (!page.drawn) code = [...near(points), ...near(spreads)];
    const tip = pointed < 0 ? [] : this.compared(pointed);
    geomlib.drawCodes(canvas, { points, edges, hollow, code, pointed, tip, colours: page.coloursOf(this),
      limit: page.limit(), latents: plane, chosen: page.drawn ? -1 : pair,
      hand: plane && network ? along(this.z) : null,
      cloud: plane && this === page.sides[0] ? page.cloudIn(plane) : [], style: page.style }, size);
    this.pairText.textContent = pointed >= 0 ? `Against the stimulus: ${tip.join("; ")}.` : page.drawn ? "" : page.hint;
  }

  /** Whether the image is shown against the mean image: as was chosen, or else where little of it is left. */
  isAgainst() { return this.page.against ?? this.capacity < BLURRED; }

  drawDecoded() {
    const { network, page } = this, { pixels, mu, logvar } = network;
    network.decode(this.z);
    network.classify(this.z);
    this.against.checked = this.isAgainst();
    geomlib.drawImage(this.image, this.against.checked ? geomlib.against(pixels, this.world.mean) : pixels);
    let error = 0, rate = 0;
    for (let k = 0; k < 169; k++) error += (pixels[k] - page.image[k]) ** 2 / 169;
    for (let d = 0; d < mu.length; d++) rate += (mu[d] ** 2 + Math.exp(logvar[d]) - 1 - logvar[d]) / 2;
    this.title.textContent = this.moved ? "Your latents, decoded" : "Reconstruction";
    this.facts.textContent = this.moved ? ""
      : `squared error ${number(error, 3)} a pixel; this image’s rate ${number(rate)} nats`;
    if (this.asked !== network) this.answers.replaceChildren(...Object.keys(network.heads).flatMap((task) => {
      const [dt, dd] = [document.createElement("dt"), document.createElement("dd")];
      dt.textContent = `${geomlib.words(page.index.tasks[task].question)}?`;
      dd.innerHTML = "<i></i><span><b></b><span></span></span>";
      return [dt, dd];
    }));
    this.asked = network;
    Object.entries(network.heads).forEach(([task, { probabilities: p }], n) => {
      const { classes, truth } = page.index.tasks[task], dd = this.answers.children[2 * n + 1];
      let best = 0;
      for (let k = 1; k < p.length; k++) if (p[k] > p[best]) best = k;
      const answer = p.length === 1 ? Number(p[0] > 0.5) : best, sure = p.length === 1 && !answer ? 1 - p[0] : p[best];
      dd.style.setProperty("--part", sure);
      const [said, verdict] = dd.lastChild.children, correct = answer === truth[page.pair];
      said.textContent = geomlib.words(classes[answer]);
      verdict.textContent = ` (probability ${number(sure)})` +
        (page.drawn || this.moved ? "" : correct ? ", correct" : ", wrong");
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
      value.textContent = !network ? "" : number(this.z[d]) + (this.moved ? "" : ` ± ${number(this.sd[d])}`);
      row.classList.toggle("unused", Boolean(network) && rate <= ACTIVE);
      note.style.setProperty("--part", network ? Math.min(rate / 4, 1) : 0);
      note.textContent = !network ? "" : rate > ACTIVE ? `${number(rate)} nats` : "unused";
    });
  }

  /** What the pictures show, in words. */
  describe() {
    const { page } = this, { pair } = page;
    let spread = 0, mx = 0, my = 0;
    for (let k = 0; k < 169; k++) [mx, my] = [mx + this.points[2 * k] / 169, my + this.points[2 * k + 1] / 169];
    for (let k = 0; k < 169; k++) spread += ((this.points[2 * k] - mx) ** 2 + (this.points[2 * k + 1] - my) ** 2) / 169;
    this.plot.setAttribute("aria-label", `Mean codes of the 169 stimuli in ${this.model.value} at ` +
      `${this.slider.getAttribute("aria-valuetext")}, ` +
      (page.plane ? `latent ${page.plane[0] + 1} across, latent ${page.plane[1] + 1} up` : "in a two-dimensional map") +
      `, coloured by ${page.colour.selectedOptions[0].text}. ` +
      `They lie ${number(Math.sqrt(spread))} from their centre (root mean square).` +
      (page.drawn ? "" : ` The stimulus, ${page.names(pair)}, is ringed, at ` +
        `${number(this.points[2 * pair])}, ${number(this.points[2 * pair + 1])}.`) +
      ` ${this.note.textContent} Arrow keys compare another with it, space takes that one.`);
    const shown = this.against.checked ? "lighter where more open than on average" : "open where white";
    this.image.setAttribute("aria-label", !this.network ? "No image at this capacity"
      : `${this.title.textContent} at ${nats(this.capacity)}; ${shown}. ` +
        geomlib.describeImage(this.network.pixels, this.world));
  }
}

Object.assign(geomlib, { Side });
}
