// What is measured of a code, as in geomlib/measures.py and claims.py: resolution, the numbers of the claims, likeness
// to another code; and a plane to look at it. A code is the mean codes of the 169 pairs (169, D) and their variances.
"use strict";
{
const { EDGES } = geomlib, SIDE = 13, PAIRS = 169;
const row = (pair) => Math.floor(pair / SIDE), column = (pair) => pair % SIDE;

/** d' of each edge: mean codes and variances of sampled codes (169, D) -> (312). */
function resolution(mean, variance) {
  const D = mean.length / PAIRS;
  return Float32Array.from(EDGES, ([a, b]) => {
    let sum = 0;
    for (let d = 0; d < D; d++) {
      const [i, j] = [a * D + d, b * D + d];
      sum += (mean[i] - mean[j]) ** 2 / Math.max((variance[i] + variance[j]) / 2, 1e-12);
    }
    return Math.sqrt(sum);
  });
}

/* --- the claims' numbers, from the 312 resolutions of a code ------------------------------------------------------ */

/** Mean d' of the edges [a, b] that are wanted; NaN where there is none. */
function meanOf(edges, wanted = () => true) {
  const values = edges.filter((d, i) => wanted(EDGES[i]) && !Number.isNaN(d));
  return values.length ? values.reduce((a, b) => a + b, 0) / values.length : NaN;
}

/**
 * Specialization: a in d' ~ frequency^a, as measures.frequency_exponent: the slope of a line through the log of the
 * mean d' at each frequency. NaN where all frequencies are alike.
 *
 * Where the frequency (169) depends on one corridor alone, the edges are steps in that corridor. Those between pairs
 * whose frequencies differ twofold or more are left out, unless fewer than two frequencies would be left, as for a
 * diagonal.
 */
function exponentOf(edges, frequency) {
  const byColumn = frequency.every((f, pair) => f === frequency[column(pair)]);
  const byRow = frequency.every((f, pair) => f === frequency[SIDE * row(pair)]);
  const steps = EDGES.map(([a, b], i) => ({ f: frequency[a], g: frequency[b], d: edges[i], along: b === a + 1 }))
    .filter(({ f, g, d, along }) => f > 0 && g > 0 && Number.isFinite(d) && !(byColumn && !along) && !(byRow && along));
  for (const jump of [2, Infinity]) {
    const levels = new Map();                // log frequency, to nine digits -> its d'
    for (const { f, g, d } of steps.filter((step) => Math.abs(Math.log(step.f / step.g)) < Math.log(jump))) {
      const at = (Math.log(f * g) / 2).toFixed(9);
      levels.set(at, [...(levels.get(at) ?? []), d]);
    }
    const points = [...levels].map(([at, ds]) =>
      ({ x: Number(at), y: Math.log(ds.reduce((a, b) => a + b, 0) / ds.length), w: ds.length }))
      .filter(({ y }) => Number.isFinite(y));
    if (points.length > 1) return slopeOf(points);
  }
  return NaN;
}

/** Slope of the line through points { x, y } with weights w, by least squares. */
function slopeOf(points) {
  const sum = (of) => points.reduce((total, point) => total + point.w * of(point), 0), weight = sum(() => 1);
  const x = sum((p) => p.x) / weight, y = sum((p) => p.y) / weight;
  return sum((p) => (p.x - x) * (p.y - y)) / sum((p) => (p.x - x) ** 2);
}

/** Prototypization: standard deviation over mean of d' inside the board, as claims.unevenness. */
function unevennessOf(edges) {
  const inside = (pair) => [row(pair), column(pair)].every((x) => x >= 2 && x <= 10);
  const values = edges.filter((_, i) => EDGES[i].every(inside));
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const spread = Math.sqrt(values.reduce((sum, d) => sum + (d - mean) ** 2, 0) / values.length);
  return Number.isFinite(spread / mean) ? spread / mean : NaN;
}

/** Means over the edges between two classes, and over those inside one: values (312), labels (169). */
function acrossBorder(values, labels) {
  const part = (differ) => meanOf(values, ([a, b]) => (labels[a] !== labels[b]) === differ);
  return { border: part(true), elsewhere: part(false) };
}

/** Separation: mean d' of the edges between two classes, over that of edges inside one, as measures.border_ratio. */
function borderRatio(edges, labels) {
  const { border, elsewhere } = acrossBorder(edges, labels);
  return border / elsewhere;
}

/**
 * Direction: by how many degrees more a code turns where it steps into another class than elsewhere, as measures.turn:
 * the angle between two steps in a row along a corridor, in units of the noise. NaN where there are no such steps.
 */
function turnOf(mean, variance, labels) {
  const D = mean.length / PAIRS, sums = [[0, 0], [0, 0]];    // [elsewhere, at a border]: degrees, number
  const step = (a, b) => {
    const s = Array.from({ length: D }, (_, d) => (mean[b * D + d] - mean[a * D + d]) /
      Math.sqrt(Math.max((variance[a * D + d] + variance[b * D + d]) / 2, 1e-12))), length = Math.hypot(...s);
    return s.map((x) => x / length);
  };
  for (const stride of [1, SIDE]) for (let a = 0; a < PAIRS; a++) {
    if ((stride === 1 ? column(a) : row(a)) > SIDE - 3) continue;
    const [b, c] = [a + stride, a + 2 * stride], [s, t] = [step(a, b), step(b, c)];
    const angle = Math.acos(Math.min(Math.max(s.reduce((sum, x, d) => sum + x * t[d], 0), -1), 1)) * (180 / Math.PI);
    const crossings = Number(labels[a] !== labels[b]) + Number(labels[b] !== labels[c]);
    if (crossings > 1 || Number.isNaN(angle)) continue;
    sums[crossings][0] += angle;
    sums[crossings][1]++;
  }
  const [elsewhere, border] = sums.map(([sum, count]) => sum / count);
  return border - elsewhere;
}

/** Likeness of two codes: Spearman's rank correlation of the distances of all pairs of mean codes, as measures.rsa. */
function rsa(mean, other) {
  const [x, y] = [mean, other].map((codes) => ranks(distances(codes))), middle = (x.length - 1) / 2;
  let [xy, xx, yy] = [0, 0, 0];
  x.forEach((value, i) => {
    const [a, b] = [value - middle, y[i] - middle];
    [xy, xx, yy] = [xy + a * b, xx + a * a, yy + b * b];
  });
  return xy / Math.sqrt(xx * yy);
}
function distances(codes) {
  const D = codes.length / PAIRS, found = [];
  for (let a = 0; a < PAIRS; a++) for (let b = a + 1; b < PAIRS; b++) {
    let sum = 0;
    for (let d = 0; d < D; d++) sum += (codes[a * D + d] - codes[b * D + d]) ** 2;
    found.push(Math.sqrt(sum));
  }
  return found;
}
/** Places of values in their order; equal ones share the mean of theirs. */
function ranks(values) {
  const order = Array.from(values.keys()).sort((i, j) => values[i] - values[j]);
  const found = new Float64Array(values.length);
  for (let from = 0, to; from < order.length; from = to) {
    for (to = from + 1; to < order.length && values[order[to]] === values[order[from]]; to++);
    for (let k = from; k < to; k++) found[order[k]] = (from + to - 1) / 2;
  }
  return found;
}

/* --- a plane to look at a code ------------------------------------------------------------------------------------ */

const SQUARE = Float32Array.from({ length: 2 * PAIRS }, (_, i) => (i % 2 ? 6 - row(i >> 1) : column(i >> 1) - 6));

/**
 * The plane of the mean codes (169, D) in which they differ most, turned to look like the square of positions: points
 * (338), x_LC to the right and x_UC down; share of the codes' variance that lies in it.
 */
function planeOf(mean) {
  const D = mean.length / PAIRS, centre = new Float64Array(D);
  const spread = Array.from({ length: D }, () => new Float64Array(D));
  for (let i = 0; i < mean.length; i++) centre[i % D] += mean[i] / PAIRS;
  for (let p = 0; p < PAIRS; p++)
    for (let i = 0; i < D; i++) for (let j = 0; j < D; j++)
      spread[i][j] += (mean[p * D + i] - centre[i]) * (mean[p * D + j] - centre[j]);
  const { values, vectors } = eigen(spread), order = [...values.keys()].sort((a, b) => values[b] - values[a]);
  const points = new Float32Array(2 * PAIRS), total = values.reduce((a, b) => a + b, 0);
  for (let p = 0; p < PAIRS; p++)
    for (let axis = 0; axis < Math.min(2, D); axis++)
      for (let d = 0; d < D; d++) points[2 * p + axis] += (mean[p * D + d] - centre[d]) * vectors[d][order[axis]];
  align(points, SQUARE);
  return { points, share: total > 0 ? (values[order[0]] + (values[order[1]] ?? 0)) / total : 1 };
}

/** Turn and mirror points (338) in place, so that they come as near as they can to others, up to a scale. */
function align(points, others) {
  let [along, across, alongMirrored, acrossMirrored] = [0, 0, 0, 0];
  for (let p = 0; p < PAIRS; p++) {
    const [x, y] = [points[2 * p], points[2 * p + 1]], [u, v] = [others[2 * p], others[2 * p + 1]];
    along += x * u + y * v;
    across += x * v - y * u;
    alongMirrored += x * u - y * v;
    acrossMirrored += x * v + y * u;
  }
  const mirrored = Math.hypot(alongMirrored, acrossMirrored) > Math.hypot(along, across);
  const angle = mirrored ? Math.atan2(acrossMirrored, alongMirrored) : Math.atan2(across, along);
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  for (let p = 0; p < PAIRS; p++) {
    const [x, y] = [points[2 * p], mirrored ? -points[2 * p + 1] : points[2 * p + 1]];
    points[2 * p] = c * x - s * y;
    points[2 * p + 1] = s * x + c * y;
  }
}

/** Eigenvalues and eigenvectors (columns) of a small symmetric matrix, by Jacobi's rotations. */
function eigen(matrix) {
  const D = matrix.length, a = matrix.map((line) => Float64Array.from(line));
  const vectors = a.map((_, i) => Float64Array.from(a, (_, j) => Number(i === j)));
  for (let sweep = 0; sweep < 30; sweep++)
    for (let p = 0; p < D; p++) for (let q = p + 1; q < D; q++) {
      if (Math.abs(a[p][q]) < 1e-300) continue;
      const turn = Math.atan2(2 * a[p][q], a[q][q] - a[p][p]) / 2, c = Math.cos(turn), s = Math.sin(turn);
      const rotate = (rows, i, j) => {
        for (const line of rows) [line[i], line[j]] = [c * line[i] - s * line[j], s * line[i] + c * line[j]];
      };
      rotate(a, p, q);
      for (let k = 0; k < D; k++) [a[p][k], a[q][k]] = [c * a[p][k] - s * a[q][k], s * a[p][k] + c * a[q][k]];
      rotate(vectors, p, q);
    }
  return { values: Float64Array.from(a, (line, i) => line[i]), vectors };
}

Object.assign(geomlib, { resolution, meanOf, exponentOf, unevennessOf, acrossBorder, borderRatio, turnOf, rsa, planeOf,
  align });
}
