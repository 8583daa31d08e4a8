// One network of the explorer: its codes in the plane, and what it makes of the stimulus.
"use strict";
{
const SIDE = 13;
const ACTIVE = 0.01;                         // of geomlib/measures.py: nats, from which on a latent is in use
const REACH = 4;                             // of the latents' sliders
const CLOSE = 16;                            // px: a mouse or finger points at a point so near

/** Numbers for readers: with a true minus sign; and as short as can be. */
const text = (x, digits = 2) => x.toFixed(digits).replace("-", "−");
const plain = (x) => String(Math.round(x * 100) / 100);
const nats = (x) => `${plain(x)} ${x === 1 ? "nat" : "nats"}`;

const SIDE_HTML = `
<section class="codes">
  <div class="controls">
    <label>Network <select name="model"></select></label>
    <label class="wide">Capacity <span class="capacity"></span>
      <input type="range" name="capacity" min="0" step="0.01"><span class="stops" aria-hidden="true"></span></label>
    <button type="button" name="play">Play</button>
    <p class="about"></p>
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
  <dl></dl>
  <div class="latents"><div class="head"><span>latent</span><span></span><span>mean rate</span></div></div>
</section>`;

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
      capacityText: find(".capacity"), about: find(".about"), play: find("[name=play]"), plot: find(".plot"), note: find(".note"),
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
    this.plot.onclick = (event) => {
      const [pair, away] = this.nearestPair(event);
      if (away < CLOSE) page.choosePair(Math.floor(pair / SIDE), pair % SIDE);
    };
    this.plot.onpointermove = this.plot.onpointerleave = (event) => {
      const [pair, away] = this.nearestPair(event);
      const pointed = event.type === "pointermove" && away < CLOSE ? pair : -1;
      if (pointed === page.pointed) return;
      page.pointed = pointed;
      this.plot.style.cursor = pointed < 0 ? "" : "pointer";
      page.update();
    };
    this.back.onclick = () => {
      this.moved = false;
      this.latents.querySelector("input").focus();           // the button goes
      page.update();
    };
  }

  /** The pair whose point is nearest to a place in the plot, and its distance in px. */
  nearestPair({ offsetX, offsetY }) {
    const half = this.plot.clientWidth / 2, scale = (half - geomlib.MARGIN) / this.page.limit();
    let nearest = 0, least = Infinity;
    for (let i = 0; i < 169; i++) {
      const x = half + scale * this.points[2 * i], y = half - scale * this.points[2 * i + 1];
      const distance = Math.hypot(x - offsetX, y - offsetY);
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
    const p = Math.min(Math.max(position, 0), this.stops.length - 1), i = Math.floor(p);
    const here = this.stops[i].capacity;
    return p === i ? here : here + (p - i) * (this.stops[i + 1].capacity - here);
  }
  position() {
    const c = this.stops.map((stop) => stop.capacity), i = c.findLastIndex((x) => x <= this.capacity);
    if (i < 0) return 0;
    return i === c.length - 1 ? i : i + (this.capacity - c[i]) / (c[i + 1] - c[i]);
  }
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
  }

  draw() {
    const { network } = this, i = Math.floor(this.position()), t = this.position() - i;
    const here = this.stops[i];
    if (network && !this.moved) this.z.set(network.mu);
    this.slider.value = this.position();
    this.about.textContent = here.about;
    this.capacityText.textContent = t ? `≈ ${text(this.capacity, 1)} nats` : nats(this.capacity);
    this.slider.setAttribute("aria-valuetext",
      t ? `about ${text(this.capacity)} nats, interpolated` : `${nats(this.capacity)}, trained`);
    this.codesPart.classList.toggle("between", t > 0);
    const beside = t ? `${plain(here.capacity)} and ${nats(this.stops[i + 1].capacity)}` : "";
    const used = here.rates.filter((rate) => rate > ACTIVE).length;
    this.note.textContent = (t ? `Interpolated between the networks trained at ${beside}.`
      : `Trained network: mean rate ${text(here.rates.reduce((a, b) => a + b))} nats, ` +
        `${used} of ${here.rates.length} latents in use.`) +
      (this.page.plane || !(this.page.drawn || this.moved) ? ""
        : ` Your ${this.moved ? "latents are" : "drawing is"} not on this map: choose a plane of latents` +
          (used > 1 ? `, such as ${this.largest().join(" and ")}.` : "."));
    this.drawPlot(t > 0);
    this.decodedPart.classList.toggle("empty", !network);
    this.back.hidden = !(network && this.moved);
    this.latents.firstChild.children[1].textContent = !network ? "" : this.moved ? "by hand" : "mean ± noise";
    this.drawLatents(here);
    if (network) this.drawDecoded();
    else {
      this.image.getContext("2d").clearRect(0, 0, SIDE, SIDE);
      this.title.textContent = t ? "No image here" : "Loading …";
      this.facts.textContent = t ? `No network was trained at this capacity; those beside it are at ${beside}.` : "";
      this.answers.replaceChildren();
      this.asked = null;
    }
  }

  drawPlot(hollow) {
    const { page, network, points, spreads } = this, { plane } = page, pair = page.uc * SIDE + page.lc;
    const along = (latents) => plane.map((d) => latents[d]), near = (array) => [array[2 * pair], array[2 * pair + 1]];
    const halos = !page.zoom.checked && spreads.some((sd) => sd < page.limit());   // else they would fill the map
    let code = null;                         // that of the stimulus itself; where it can't be placed, its pair's
    if (plane && network) code = [...along(network.mu), ...along(this.sd)];
    else if (!page.drawn) code = [...near(points), ...near(spreads)];
    geomlib.drawCodes(this.plot, { points, spreads: halos ? spreads : null, hollow, code,
      colours: page.colours, limit: page.limit(), latents: plane, chosen: page.drawn ? -1 : pair, pointed: page.pointed, hand: plane && network ? along(this.z) : null,
      cloud: plane && this === page.sides[0] ? page.cloudIn(plane) : [], style: page.style });
  }

  drawDecoded() {
    const { network, page } = this, { pixels, mu, logvar } = network;
    network.decode(this.z);
    network.classify(this.z);
    geomlib.drawImage(this.image, pixels);
    let error = 0, rate = 0;
    for (let k = 0; k < 169; k++) error += (pixels[k] - page.image[k]) ** 2 / 169;
    for (let d = 0; d < mu.length; d++) rate += (mu[d] ** 2 + Math.exp(logvar[d]) - 1 - logvar[d]) / 2;
    this.title.textContent = (this.moved ? "Your latents, decoded by " : "Reconstruction by ") + this.model.value;
    this.facts.textContent = this.moved ? ""
      : `mean squared error ${text(error, 3)}; rate of this stimulus ${text(rate)} nats`;
    if (this.asked !== network) this.answers.replaceChildren(...Object.keys(network.heads).flatMap((task) => {
      const [dt, dd] = [document.createElement("dt"), document.createElement("dd")];
      dt.textContent = `${page.index.tasks[task].question}?`;
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
      const [said, verdict] = dd.lastChild.children, correct = answer === truth[page.uc * SIDE + page.lc];
      said.textContent = classes[answer];
      verdict.textContent = ` (probability ${text(sure)})` +
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
    this.image.setAttribute("aria-label", this.network ? `${this.title.textContent} at ` +
      `${nats(this.capacity)}; open where white. ${geomlib.describeImage(this.network.pixels)}`
      : "No image at this capacity");
  }
}

Object.assign(geomlib, { Side, plain, nats });
}
