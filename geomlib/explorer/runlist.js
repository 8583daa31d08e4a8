// The list of finished trainings: kept by the browser and in a file, two of them shown side by side.
//
// A kept run is { name, colour, said, address, rate, error, mean, variance }: said is the sentence of what differs from
// the one before, address its settings, mean and variance (169 D numbers) its code.
"use strict";
{
const { PAIRS, number } = geomlib;
const PLACE = "geomlib.runs", MOST_BYTES = 20 * 2 ** 20;
const COLOURS = ["#2a78b5", "#c2591a", "#2e8540", "#9a4fb0", "#b8336a", "#7a6a1f", "#0f8a8a", "#5a5f9e"];

const HTML = `
<h2>Your runs</h2>
<p class="about">Every training that ends is kept here, also when the page is closed. Tick two to see them side by
  side.</p>
<ol class="kept"></ol>
<p class="buttons"><button type="button" name="save">Save the list</button>
  <button type="button" name="openlist">Open a list …</button></p>
<div class="beside" hidden>
  ${['first', 'second'].map((name) => `<figure class="${name}"><figcaption></figcaption>
    <canvas class="plot" role="img" aria-label=""></canvas></figure>`).join("")}
  <p class="wide likeness" role="status"></p>
</div>`;

/** A run of a file or of the browser's memory, checked; an Error of one sentence where it is none. */
function checkedRun(raw, index) {
  const numbers = (x) => Array.isArray(x) && x.length > 0 && x.length % PAIRS === 0 && x.every(Number.isFinite);
  const wrong = (what) => { throw new Error(`its run ${index + 1} has ${what}`); };
  if (["name", "address", "said"].some((part) => typeof raw?.[part] !== "string")) wrong("no name or no settings");
  if (!numbers(raw.mean) || !numbers(raw.variance) || raw.mean.length !== raw.variance.length)
    wrong("no whole code of 169 pairs");
  if (!COLOURS.includes(raw.colour)) wrong("a colour that this page doesn't give");
  const { name, colour, said, address, rate, error, mean, variance } = raw;
  return { name: name.slice(0, 60), colour, said, address, rate, error, mean, variance };
}
function readRuns(text) {
  let found;
  try {
    found = JSON.parse(text);
  } catch {
    throw new Error("it is no JSON");
  }
  if (!Array.isArray(found?.runs)) throw new Error("it is no list of runs that this page has saved");
  return found.runs.map(checkedRun);
}

class RunList {
  /**
   * root             element to fill
   * store            of the browser (localStorage), or null: the list ends with the page
   * look()           { colours, chosen, style } of pictures.js
   * again(address)   sets the page to a run's settings
   * open()           lets the reader pick a file; say(message) tells what went wrong
   */
  constructor(root, { store, look, again, open, say }) {
    root.innerHTML = HTML;
    Object.assign(this, { root, store, look, again, say, runs: [], beside: [], list: root.querySelector(".kept"),
      stage: root.querySelector(".beside"), likeness: root.querySelector(".likeness"),
      figures: [...root.querySelectorAll("figure")] });
    root.querySelector("[name=openlist]").onclick = open;
    this.saveButton = root.querySelector("[name=save]");
    this.saveButton.onclick = () => geomlib.saveFile("runs.json", this.text());
    try {
      const kept = store?.getItem(PLACE);
      if (kept) this.runs = readRuns(kept);
    } catch (error) {
      say(`The list that this browser kept can't be read: ${error.message}.`);
    }
    this.show();
  }

  text() { return JSON.stringify({ runs: this.runs }); }
  keep() {
    try {
      this.store?.setItem(PLACE, this.text());
    } catch {
      this.say("This browser has no room for the list of runs: save it to a file, or forget some.");
    }
    this.show();
  }

  /** A finished training. seen: its mean, variance and state; name: its own, or that of its place in the list. */
  add(address, { mean, variance, state }, name) {
    const { runs } = this, last = runs.at(-1), settings = (text) => geomlib.settingsOf(text).settings;
    const used = runs.map((run) => Number(/^run (\d+)$/.exec(run.name)?.[1] ?? 0));
    const short = (values) => Array.from(values, (x) => Number(x.toPrecision(6))), [rate, error] = state.recent;
    runs.push({ name: name ?? `run ${Math.max(0, ...used) + 1}`, colour: COLOURS[runs.length % COLOURS.length], address,
      said: geomlib.differenceOf(settings(address), last && settings(last.address)), rate, error,
      mean: short(mean), variance: short(variance) });
    this.keep();
  }

  /** Add the runs of a file's text to the list; an Error of one sentence where it holds none. */
  merge(text) {
    if (text.length > MOST_BYTES) throw new Error("it is larger than any list of this page (20 MB)");
    const found = readRuns(text), known = new Set(this.runs.map((run) => JSON.stringify(run)));
    this.runs.push(...found.filter((run) => !known.has(JSON.stringify(run))));
    this.keep();
    return found.length;
  }

  toggle(run) {
    const others = this.beside.filter((other) => other !== run);
    this.beside = this.beside.includes(run) ? others : [...others, run].slice(-2);
    this.show();
  }

  show() {
    this.beside = this.beside.filter((run) => this.runs.includes(run));
    this.list.replaceChildren(...this.runs.map((run, i) => this.line(run, i)));
    this.saveButton.disabled = !this.runs.length;
    this.stage.hidden = this.beside.length < 2;
    this.compare();
    this.draw();
  }

  line(run, index) {
    const line = document.createElement("li");
    line.innerHTML = `<input type="checkbox"><i class="swatch"></i><input name="title" maxlength="60">
      <span class="said"></span><span class="facts"></span>
      <button type="button" name="again">Set up again</button><button type="button" name="forget">Forget</button>`;
    const [tick, title, again, forget] = line.querySelectorAll("input, button");
    line.querySelector(".swatch").style.background = run.colour;
    line.querySelector(".said").textContent = run.said;
    line.querySelector(".facts").textContent = `${number(run.rate, 2)} nats, error ${number(run.error, 4)}`;
    Object.assign(title, { value: run.name, ariaLabel: `Name of run ${index + 1}`,
      onchange: () => { run.name = title.value.trim() || run.name; this.keep(); } });
    Object.assign(tick, { checked: this.beside.includes(run), ariaLabel: `Show ${run.name} side by side`,
      onchange: () => {
        this.toggle(run);
        this.list.children[index].querySelector("input").focus();
      } });
    Object.assign(again, { ariaLabel: `Set up again: ${run.name}`, onclick: () => this.again(run.address) });
    Object.assign(forget, { ariaLabel: `Forget ${run.name}`, onclick: () => {
      this.runs = this.runs.filter((other) => other !== run);
      this.keep();
    } });
    return line;
  }

  /** The two chosen runs: planes of their codes, the second turned to lie on the first; and how alike they are. */
  compare() {
    if (this.stage.hidden) return;
    const [one, two] = this.beside;
    this.codes = this.beside.map(({ mean, variance }) => ({ shown: geomlib.planeOf(mean).points,
      edges: geomlib.resolution(mean, variance) }));
    geomlib.align(this.codes[1].shown, this.codes[0].shown);
    this.likeness.textContent = `RSA ${number(geomlib.rsa(one.mean, two.mean))}: the rank correlation of the ` +
      "distances between all pairs of stimuli in the two codes. It is 1 where both order them alike. The second map " +
      "is turned to lie on the first, and both have one scale.";
  }

  draw() {
    if (this.stage.hidden) return;
    const limit = this.codes.reduce((most, { shown }) => shown.reduce((a, x) => Math.max(a, Math.abs(x)), most), 0.3);
    this.figures.forEach((figure, k) => {
      const [caption, canvas] = figure.children, run = this.beside[k];
      caption.textContent = run.name;
      caption.style.borderColor = run.colour;
      geomlib.fit(canvas);
      canvas.setAttribute("aria-label", `Mean codes of the 169 pairs in ${run.name}: ${run.said}`);
      geomlib.drawMap(canvas, this.codes[k], { ...this.look(), limit });
    });
  }
}

Object.assign(geomlib, { RunList });
}
