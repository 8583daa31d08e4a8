// The numbers of the page Train: its table, and what is said below each map.
//
// seen, of the reader's network and of its partner, if there is one: mean and variance (169 D) of its codes, d' of its
// edges (312), share of the plane, and state, of which recent holds running means: rate, error, the rate of each
// latent, of a task its cross entropy and share of right answers.
"use strict";
{
const { PAIRS, number } = geomlib;
const ACTIVE = 0.01;                         // nats: a latent with a larger rate carries something

const ratesOf = ({ mean, state }) => state.recent.slice(2, 2 + mean.length / PAIRS);
const activeOf = (code) => ratesOf(code).filter((rate) => rate > ACTIVE).length;

/**
 * Rows of the table, [name, digits, yours, partner's, the limit's]. A number that a network or the limit doesn't have
 * is NaN.
 *
 * limit   of geomlib.limitAt at the network's rate, or null      settings  those that were trained
 * opened  true for a network from a file, whose price is not known
 */
function numbersOf({ seen: [own, other], limit, settings, opened }) {
  const { counts } = settings, labels = geomlib.labelsOf(settings), value = (code, of) => (code ? of(code) : NaN);
  const networks = (of) => [value(own, of), value(other, of), NaN];
  const all = (of) => [own, other, limit].map((code) => value(code, ({ edges }) => of(edges)));
  const withLimit = (of, best) => [value(own, of), value(other, of), best ?? NaN];
  const turn = (code) => (activeOf(code) > 1 ? geomlib.turnOf(code.mean, code.variance, labels) : NaN);
  const rows = [
    ["rate (nats)", 2, ...withLimit(({ state }) => state.recent[0], own.state.recent[0])],
    ["error of a pixel", 4, ...withLimit(({ state }) => state.recent[1], limit?.error)],
    ["price λ of a nat", 4, ...withLimit(({ state }) => (opened ? NaN : state.price), limit?.price)],
    ["resolution d', mean", 2, ...all((edges) => geomlib.meanOf(edges))],
    ["unevenness of d'", 2, ...all(geomlib.unevennessOf)],
  ];
  if (new Set(counts).size > 1)
    rows.push(["d' grows with frequency to the power", 2, ...all((edges) => geomlib.exponentOf(edges, counts))]);
  if (labels) rows.push(
    ["d' across the task's borders / elsewhere", 2, ...networks(({ edges }) => geomlib.borderRatio(edges, labels))],
    ["turn at the borders (°)", 1, ...networks(turn)],
    ["right answers (share)", 2, own.state.recent.at(-1), NaN, NaN]);
  return rows;
}

function fillTable(body, rows) {
  body.replaceChildren(...rows.map(([name, digits, ...values]) => {
    const line = document.createElement("tr");
    line.innerHTML = `<th scope="row"></th>${values.map(() => "<td></td>").join("")}`;
    line.firstChild.textContent = name;
    values.forEach((value, i) => { line.children[i + 1].textContent = number(value, digits); });
    return line;
  }));
}

/** In how many trials neighbours are told apart, and where more than elsewhere, if frequencies or classes differ. */
function toldApartIn({ edges }, { counts, ...settings }) {
  const told = edges.map(geomlib.toldApart), labels = geomlib.labelsOf({ counts, ...settings });
  const percent = (part) => `${Math.round(100 * part)} %`, places = [];
  const share = (wanted) => percent(geomlib.meanOf(told, wanted));
  const often = ([a, b]) => Math.min(counts[a], counts[b]), most = Math.max(...counts);
  const seldom = Math.min(...counts.filter((count) => count));
  if (seldom < most) places.push(`${share((edge) => often(edge) === most)} where shown most, ` +
    `${share(([a, b]) => counts[a] === seldom && counts[b] === seldom)} where least`);
  if (labels) {
    const { border, elsewhere } = geomlib.acrossBorder(told, labels);
    places.push(`${percent(border)} across a border of the task, ${percent(elsewhere)} within a class`);
  }
  return `Neighbours are told apart in ${share()} of trials (50 % is guessing)` +
    `${places.length ? `: ${places.join("; ")}` : ""}.`;
}

/** Below a network's map: what it tells apart, the share that its plane holds, each latent's rate; the map in words. */
function describeNetwork(section, seen, { step, capacity, settings }) {
  const [plot, note, bars] = [".plot", ".note", ".bars"].map((name) => section.querySelector(name));
  const what = `Mean codes of the 169 pairs, ${section.getAttribute("aria-label").toLowerCase()}`;
  if (!seen) {
    [note.textContent, bars.innerHTML] = ["", ""];
    bars.setAttribute("aria-label", "Rate of each latent: not trained yet");
    plot.setAttribute("aria-label", `${what}: not trained yet`);
    return;
  }
  const rates = ratesOf(seen), part = (rate) => Math.min(rate / Math.max(capacity, 0.1), 1);
  note.textContent = `${toldApartIn(seen, settings)} ${Math.round(100 * seen.share)} % of the code's spread lies in ` +
    "this plane.";
  bars.setAttribute("aria-label", `Rate of each latent in nats: ${rates.map((rate) => number(rate)).join(", ")}`);
  bars.innerHTML = rates.map((rate, d) =>
    `<span><i style="--part: ${part(rate)}"></i>z<sub>${d + 1}</sub> ${number(rate)}</span>`).join("");
  plot.setAttribute("aria-label", `${what}, after ${step} steps; ` +
    `${activeOf(seen)} of ${rates.length} latents in use, mean resolution ${number(geomlib.meanOf(seen.edges))}. ` +
    "Arrow keys choose a stimulus.");
}

Object.assign(geomlib, { numbersOf, fillTable, describeNetwork });
}
