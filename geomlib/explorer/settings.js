// What a training on the page Train depends on, as one value, and its other forms: an address, a spec, Python, words.
//
// settings   world          a name of WORLDS
//            counts (169)   how often each pair is shown, pair 13 x_UC + x_LC; any numbers >= 0
//            usual          the count that "as often as usual" stands for
//            capacity       nats      task   "none" or a name      labels (169)   the task's classes, or null
//            seed, steps
"use strict";
{
const SIDE = 13, PAIRS = 169, USUAL = 4, { plain, nats } = geomlib;
const DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz";       // counts and classes in an address, one digit each
const MOST_CLASSES = DIGITS.length, MOST_IMAGES = 5_000_000, IMAGES = 200_000;     // of geomlib/data.py: the last two
const TASKS = { __proto__: null,            // of geomlib/data.py: classes of a pair
  order: (uc, lc) => Number(uc <= lc),
  quadrant: (uc, lc) => Number(uc < 6 || lc >= 6),
  aligned: (uc, lc) => Number(uc === lc),
  region: (uc, lc) => Math.floor((uc + 1) / 3) * 5 + Math.floor((lc + 1) / 3),
  identity: (uc, lc) => SIDE * uc + lc,
};
const QUESTIONS = { order: "is x_UC ≤ x_LC?", quadrant: "is x_UC < 6 or x_LC ≥ 6?", aligned: "is x_UC = x_LC?",
  region: "which of 25 regions?", identity: "which of the 169 pairs?" };
const OFTEN = (4 * 2000) / 260;              // data.COUNTS["bottom"], 4 standing for its 260
const PRESETS = { __proto__: null,          // name -> how often a pair is shown, in words, whether geomlib has the name
  uniform: [() => 4, "all alike", true],
  bottom: [(uc, lc) => (lc <= 6 ? OFTEN : 4), "x_LC ≤ 6 more often (E1M1)", true],
  diagonal: [(uc, lc) => (uc === lc ? 30 : 3), "x_UC = x_LC more often (E1M2)", true],
  corner: [(uc, lc) => (uc < 5 && lc < 5 ? 32 : 2), "one corner more often", false],
  stripe: [(uc, lc) => (Math.abs(uc - 6) < 2 ? 32 : 4), "a stripe more often", false],
};

const WORLD_NAMES = { __proto__: null, corridors: "two corridors (the paper's)", rings: "two rings: corridors without an end",
  blob: "one blob on a field" };
/** Words about pairs in a world: a blob has a row and a column in place of the positions in two corridors. */
const inWorld = (world, words) => (world === "blob" ? words.replace(/x_UC/g, "row").replace(/x_LC/g, "column") : words);

const capital = (text) => text[0].toUpperCase() + text.slice(1);
const table = (of) => Float64Array.from({ length: PAIRS }, (_, pair) => of(Math.floor(pair / SIDE), pair % SIDE));
const rowsOf = (values) => Array.from({ length: SIDE }, (_, uc) =>
  Array.from(values.slice(SIDE * uc, SIDE * (uc + 1))));
const total = (values) => values.reduce((a, b) => a + b, 0);
const isDigits = (values) => values.every((x) => Number.isInteger(x) && x < DIGITS.length);
const digitsOf = (values) => Array.from(values, (x) => DIGITS[x]).join("");
const readDigits = (text) => (/^[0-9a-z]{169}$/.test(text)
  ? Float64Array.from(text, (digit) => DIGITS.indexOf(digit)) : null);

/** A preset's name for counts that are its own but for a common factor, else "own". */
function presetOf(counts) {
  const alike = (preset) => {
    const factor = total(counts) / total(preset);
    return factor > 0 && preset.every((x, i) => Math.abs(counts[i] - factor * x) <= 1e-6 * factor * x);
  };
  return Object.keys(PRESETS).find((name) => alike(table(PRESETS[name][0]))) ?? "own";
}
const presetCounts = (name) => table(PRESETS[name][0]);

/** The classes (169) of the task that is asked, numbered without gaps; null where there is none. */
function labelsOf({ task, labels }) {
  if (task === "none") return null;
  if (task in TASKS) return table(TASKS[task]);
  const used = [...new Set(labels)].sort((a, b) => a - b);
  return labels.map((label) => used.indexOf(label));
}

/** What keeps settings from being trained, in a sentence; "" if nothing does. */
function whatIsMissing(settings) {
  const labels = labelsOf(settings);
  if (!settings.counts.some((count) => count))
    return "All pairs are painted “never”: paint at least one that is shown.";
  if (labels && !labels.some((label) => label))
    return "All pairs are of one class: paint a second class to ask about.";
  return "";
}

/* --- as the part of an address after # --------------------------------------------------------------------------- */

function addressOf({ world, counts, usual, capacity, task, labels, seed, steps }) {
  const name = presetOf(counts), state = new URLSearchParams();
  const own = () => (isDigits(counts) ? digitsOf(counts) : Array.from(counts).join(","));
  if (world !== "corridors") state.set("world", world);
  state.set("counts", name === "own" ? own() : name);
  if (name === "own" && usual !== USUAL) state.set("usual", usual);
  state.set("capacity", plain(capacity));
  state.set("task", task);
  if (task !== "none" && !(task in TASKS)) state.set("classes", digitsOf(labels));
  state.set("seed", seed);
  state.set("steps", steps);
  return state.toString();
}

/** Settings of an address, with the usual value where it names none or one that makes no sense; wrong: what does. */
function settingsOf(address) {
  const state = new URLSearchParams(address.replace(/^#/, "")), wrong = [];
  const number = (name, otherwise, good, allowed) => {
    const value = Number(state.get(name) ?? otherwise);
    if (good(value)) return value;
    wrong.push(`${name} ${state.get(name)}: ${allowed}`);
    return otherwise;
  };
  const whole = (low, high) => (x) => Number.isInteger(x) && x >= low && x <= high;
  let world = state.get("world") ?? "corridors";
  if (!(world in WORLD_NAMES)) {
    wrong.push(`world ${world.slice(0, 20)}: one of ${Object.keys(WORLD_NAMES).join(", ")}`);
    world = "corridors";
  }
  const text = state.get("counts") ?? "uniform";
  let counts = text in PRESETS ? presetCounts(text) : readDigits(text);
  if (!counts && text.includes(",")) {
    const numbers = Float64Array.from(text.split(","), Number);
    if (numbers.length === PAIRS && numbers.every((x) => x >= 0 && x <= MOST_IMAGES)) counts = numbers;
  }
  if (!counts) wrong.push(`counts ${text.slice(0, 20)}: neither a name nor 169 digits or numbers`);
  let task = state.get("task") ?? "none", labels = null;
  if (task !== "none" && !(task in TASKS)) {
    labels = /^[A-Za-z_]\w*$/.test(task) ? readDigits(state.get("classes") ?? "") : null;
    if (!labels) {
      wrong.push(`task ${task.slice(0, 20)} is not known, and has no 169 digits of classes`);
      task = "none";
    }
  }
  const settings = { world, counts: counts ?? presetCounts("uniform"), task, labels,
    usual: number("usual", USUAL, (x) => x > 0 && x <= MOST_IMAGES, "a number above 0"),
    capacity: number("capacity", 0.3, (x) => x >= 0.1 && x <= 12, "0.1 to 12 nats"),
    seed: number("seed", 0, whole(0, 2 ** 32 - 1), "a whole number from 0 to 4,294,967,295"),
    steps: number("steps", 500, whole(1, 100_000), "a whole number from 1 to 100,000") };
  return { settings, wrong };
}

/* --- as Python, and as a spec of geomlib/spec.py ------------------------------------------------------------------ */

/** Images for each unit of the counts, so that a set of geomlib has about 200,000. */
const imagesOf = (counts) => Math.max(Math.round(IMAGES / total(counts)), 1);
const namedInGeomlib = (counts) => {
  const name = presetOf(counts);
  return name !== "own" && PRESETS[name][2] ? name : null;
};

/** Python that trains the same thing. */
function pythonOf(settings) {
  const { world, counts, task, capacity, seed, steps } = settings, name = namedInGeomlib(counts);
  const own = labelsOf(settings), painted = own && !(task in TASKS), fields = [], before = [];
  const asTable = (variable, values, factor) => (isDigits(values)
    ? [`rows = "${rowsOf(values).map(digitsOf).join(" ")}".split()`,
      `${variable} = np.array([[int(digit, 36) for digit in row] for row in rows])${factor}`]
    : [`${variable} = np.array([`, ...rowsOf(values).map((row) => `    [${row.join(", ")}],`), `])${factor}`]);
  if (!name) {
    const images = imagesOf(counts), factor = images > 1 ? ` * ${images}` : "";
    before.push("# images of each pair, a row for each x_UC", ...asTable("counts", counts, factor));
  }
  if (painted) before.push("# the class of each pair, a row for each x_UC", ...asTable("classes", own, ""));
  if (world !== "corridors") fields.push(`world="${world}"`);
  if (name !== "uniform") fields.push(name ? `counts="${name}"` : "counts=counts");
  if (own) fields.push(painted ? `tasks={"${task}": classes}` : `tasks=["${task}"]`);
  fields.push(`capacity=${plain(capacity)}`, `seed=${seed}`, `steps=${steps}`);
  return [...(before.length ? ["import numpy as np"] : []), "import geomlib as g", "", ...before,
    `(run,) = g.fit([g.Spec(${fields.join(", ")})])`].join("\n");
}

/** The spec of settings, as JSON. defaults: geomlib.Spec's; batch: images of a step. */
function specOf(settings, defaults, batch) {
  const { world, counts, capacity, task, seed, steps } = settings, labels = labelsOf(settings);
  const images = imagesOf(counts);
  return JSON.stringify({ ...defaults, world, capacity, seed, steps, steps_per_epoch: Math.min(1329, steps), batch_size: batch,
    train_end: null, validation_end: null,
    counts: namedInGeomlib(counts) ?? rowsOf(counts.map((count) => count * images)),
    tasks: labels ? { [task]: rowsOf(labels) } : {} });
}

/** Settings of a spec, an object; an Error of one sentence where this page can't train or show it. */
function settingsOfSpec(spec, defaults) {
  const refuse = (why) => { throw new Error(why); };
  const missing = ["world", "counts", "tasks", "capacity", "seed", "steps"].filter((name) => !(name in spec));
  if (missing.length) refuse(`its spec lacks ${missing.slice(0, 3).join(", ")}: another version of geomlib wrote it`);
  if (!(spec.world in WORLD_NAMES))
    refuse(`it was trained in a world of its own, and this page knows ${Object.keys(WORLD_NAMES).join(", ")}`);
  if (["layers", "channels"].some((name) => (spec[name] ?? defaults[name]) !== defaults[name]))
    refuse("it has other layers than the paper's, and this page computes no others");
  if (spec.source) refuse(`it is a classifier on the codes of ${spec.source}, not a network`);
  const name = typeof spec.counts === "string" ? spec.counts : "";
  const counts = name in PRESETS ? presetCounts(name) : readTable(spec.counts);
  if (!counts) refuse("its images are those of a CSV file, which this page doesn't have");
  const uniform = String(spec.counts) === String(defaults.counts), [task, ...others] = Object.keys(spec.tasks);
  const labels = task && readTable(spec.tasks[task]);
  if (others.length)
    refuse(`it answers ${others.length + 1} tasks at once, and this page knows networks of one task at most`);
  const known = task in TASKS && String(table(TASKS[task])) === String(labels);
  if (task && !known && (task in TASKS || !labels || !isDigits(labels)))
    refuse(`its task ${task} is none of the paper's, and not a table of ${MOST_CLASSES} classes at most`);
  const { capacity, seed, steps } = spec;
  return { world: spec.world, ...countsOf(uniform ? presetCounts("uniform") : counts), capacity, task: task ?? "none",
    labels: task && !known ? labels : null, seed, steps };
}
function readTable(rows) {
  const values = Float64Array.from([rows].flat(2));
  return values.length === PAIRS && values.every((x) => x >= 0 && Number.isFinite(x)) ? values : null;
}
/** Counts of a file as settings have them: a preset's own where they are its but for a factor, else with their mean. */
function countsOf(counts) {
  const preset = presetOf(counts), shown = counts.filter((count) => count);
  if (preset !== "own") return { counts: presetCounts(preset), usual: USUAL };
  return { counts, usual: shown.length ? total(shown) / shown.length : USUAL };
}

/* --- in words ----------------------------------------------------------------------------------------------------- */

const PARTS = {                              // what settings say, one part each
  world: ({ world }) => WORLD_NAMES[world].split(/[:(]/)[0].trim(),
  capacity: ({ capacity }) => plain(capacity),
  shown: ({ world, counts }) => inWorld(world, PRESETS[presetOf(counts)]?.[1] ?? "pairs as painted"),
  task: ({ task }) => (task === "none" ? "no task" : `task ${task}`),
  seed: ({ seed }) => String(seed),
  steps: ({ steps }) => steps.toLocaleString("en"),
};

/** One sentence of settings: what differs from others, or all of it where there are none. */
function differenceOf(settings, before = null) {
  const said = Object.fromEntries(Object.entries(PARTS).map(([part, say]) => [part, say(settings)]));
  if (!before)
    return `${settings.world === "corridors" ? "" : `${capital(said.world)}, `}${nats(settings.capacity)}, ${said.shown}, ${said.task}, seed ${said.seed}, ${said.steps} steps.`;
  const old = Object.fromEntries(Object.entries(PARTS).map(([part, say]) => [part, say(before)])), changes = [];
  const arrow = (part) => `${old[part]} → ${said[part]}`;
  const sameTable = (a, b) => String(a) === String(b);
  if (said.world !== old.world) changes.push(arrow("world"));
  if (said.capacity !== old.capacity) changes.push(`capacity ${old.capacity} → ${nats(settings.capacity)}`);
  if (said.shown !== old.shown) changes.push(arrow("shown"));
  else if (!sameTable(settings.counts, before.counts)) changes.push("pairs painted otherwise");
  if (said.task !== old.task) changes.push(arrow("task"));
  else if (!sameTable(labelsOf(settings), labelsOf(before))) changes.push("classes painted otherwise");
  if (said.seed !== old.seed) changes.push(`seed ${arrow("seed")}`);
  if (said.steps !== old.steps) changes.push(`steps ${arrow("steps")}`);
  const text = changes.join(", ") || "the same settings again";
  return `${capital(text)}.`;
}

Object.assign(geomlib, { SIDE, PAIRS, USUAL, TASKS, QUESTIONS, PRESETS, WORLD_NAMES, inWorld, MOST_IMAGES, presetOf, presetCounts, labelsOf,
  whatIsMissing, addressOf, settingsOf, pythonOf, specOf, settingsOfSpec, countsOf, differenceOf });
}
