// A board of 13 x 13 pairs to paint on, by pointer or keys, and the same table read from a text.
"use strict";
{
const { SIDE, PAIRS, MOST_IMAGES } = geomlib;
const FEW_CLASSES = ["#d9b38c", "#2166ac", "#1b7837", "#c51b7d"];

/** Colour of how often a pair is shown, as a multiple of the usual; dark where it never is. */
const countColour = (often) =>
  (often ? geomlib.viridis(0.15 + (0.85 * Math.log2(1 + 4 * often)) / Math.log2(33)) : "rgb(20 10 30)");
/** Colour of class k of so many. */
const classColour = (k, classes) =>
  (classes <= FEW_CLASSES.length ? FEW_CLASSES[k] : geomlib.viridis(k / (classes - 1)));

/** Cells from one to another, the first left out: what a quick stroke passed. */
function stroke(from, to) {
  const [y, x, v, u] = [Math.floor(from / SIDE), from % SIDE, Math.floor(to / SIDE), to % SIDE];
  const count = Math.max(Math.abs(v - y), Math.abs(u - x));
  const along = (a, b, k) => Math.round(a + ((b - a) * k) / count);
  return Array.from({ length: count }, (_, k) => along(y, v, k + 1) * SIDE + along(x, u, k + 1));
}

/**
 * The cells of a canvas as something to paint on.
 *
 * canvas         followed by the mark of its cursor, a cell that keys move
 * paint(cells)   is called with the cells that are painted, done() where a stroke ends, moved(cell, said) where the
 *                cursor or the pointer has moved: said is true for keys, whose reader is to be told what lies there
 */
class Board {
  constructor(canvas, { paint, done, moved }) {
    Object.assign(this, { canvas, cursor: 84, mark: canvas.nextElementSibling });
    const cell = ({ offsetX, offsetY }) => {
      const at = (offset) => Math.min(Math.max(Math.floor((offset / canvas.clientWidth) * SIDE), 0), SIDE - 1);
      return at(offsetY) * SIDE + at(offsetX);
    };
    const go = (to, said = false) => {
      this.cursor = to;
      this.place();
      moved(to, said);
    };
    canvas.onpointerdown = (event) => {
      canvas.setPointerCapture(event.pointerId);
      paint([cell(event)]);
      go(cell(event));
    };
    canvas.onpointermove = (event) => {
      const to = cell(event);
      if (!canvas.hasPointerCapture(event.pointerId)) return moved(to, false);
      if (to === this.cursor) return;
      paint(stroke(this.cursor, to));
      go(to);
    };
    canvas.onpointerup = canvas.onlostpointercapture = done;
    canvas.onkeydown = (event) => {
      const to = geomlib.arrow(event.key, this.cursor);
      if (to === undefined && event.key !== " " && event.key !== "Enter") return;
      event.preventDefault();
      if (to === undefined) {
        paint([this.cursor]);
        done();
      }
      go(to ?? this.cursor, true);
    };
    this.place();
  }

  place() {
    this.mark.style.setProperty("--row", Math.floor(this.cursor / SIDE));
    this.mark.style.setProperty("--column", this.cursor % SIDE);
  }

  /** Draw the colours (169) of the cells; label: the board in words. */
  draw(colours, label) {
    const context = this.canvas.getContext("2d");
    colours.forEach((colour, pair) => {
      context.fillStyle = colour;
      context.fillRect(pair % SIDE, Math.floor(pair / SIDE), 1, 1);
    });
    this.canvas.setAttribute("aria-label", label);
  }
}

/** Where an arrow key leads from a pair, x_UC down and x_LC across: at an edge to itself; undefined: no arrow. */
function arrow(key, pair) {
  const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[key];
  if (!step) return undefined;
  const [row, column] = [Math.floor(pair / SIDE) + step[0], (pair % SIDE) + step[1]];
  return Math.min(row, column) < 0 || Math.max(row, column) >= SIDE ? pair : row * SIDE + column;
}

/** Counts (169) from the text of a CSV of 13 rows of 13 numbers; an Error of one sentence where it is none. */
function readCounts(text) {
  const refuse = (what) => { throw new Error(`${what}; a table of 13 rows of 13 counts ≥ 0 is needed`); };
  const shown = (cell) => `“${cell.length > 20 ? `${cell.slice(0, 20)} …` : cell}”`;
  const lines = text.replace(/^\ufeff/, "").split(/\r\n|\r|\n/).map((line) => line.trim()).filter(Boolean);
  if (!lines.length) refuse("it is empty");
  const rows = lines.map((line) => (line.includes(";") ? line.replaceAll(",", ".").split(";") : line.split(/,|\s+/)))
    .map((row) => row.map((cell) => cell.trim().replace(/^"(.*)"$/, "$1")));
  const counts = new Float64Array(PAIRS);
  if (rows.length !== SIDE) refuse(`it has ${rows.length} row${rows.length > 1 ? "s" : ""}`);
  rows.forEach((row, uc) => {
    if (row.length !== SIDE) refuse(`its row ${uc + 1} has ${row.length} cell${row.length > 1 ? "s" : ""}`);
    row.forEach((cell, lc) => {
      const value = cell === "" ? NaN : Number(cell), at = `its row ${uc + 1}, column ${lc + 1}`;
      if (!Number.isFinite(value)) refuse(`${at} holds ${shown(cell)}, which is no number`);
      if (value < 0) refuse(`${at} holds ${shown(cell)}`);
      counts[uc * SIDE + lc] = value;
    });
  });
  const sum = counts.reduce((a, b) => a + b, 0), [found, most] = [sum, MOST_IMAGES].map((x) => x.toLocaleString("en"));
  if (sum === 0) refuse("it holds zeros alone");
  if (sum > MOST_IMAGES) refuse(`its sum is ${found}, above ${most} images`);
  return counts;
}

Object.assign(geomlib, { Board, countColour, classColour, arrow, readCounts });
}
