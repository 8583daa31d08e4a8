// The worlds as tables, and the least error that any code of them can have. Written as a function, so that a worker
// can be given its text.
"use strict";
geomlib.defineWorld = function () {
  const SIDE = 13, PAIRS = 169;                              // of geomlib/data.py
  const near = (apart, width) => Math.exp(-(apart ** 2) / (2 * width ** 2));
  const bands = (apart) => (first, second, row, column) =>   // two corridors, and an open row between them
    (row === 6 ? 1 : near(apart(row < 6 ? first : second, column), 1.2));
  const across = (x, column) => Math.abs(x - column);
  const WORLDS = { __proto__: null,                          // P(open) of a pixel, as data.WORLDS has it
    corridors: bands(across),
    rings: bands((x, column) => Math.min(across(x, column), SIDE - across(x, column))),
    blob: (first, second, row, column) => near(row - first, 2) * near(column - second, 2),
  };

  /** P(wall) of each pixel (169) in a pair's images. */
  function wallOf(pair, world) {
    const first = Math.floor(pair / SIDE), second = pair % SIDE, open = WORLDS[world];
    return Float32Array.from({ length: PAIRS }, (_, i) => 1 - open(first, second, Math.floor(i / SIDE), i % SIDE));
  }

  /** P(wall) of each pair and pixel, (169, 169). */
  function wallTable(world = "corridors") {
    const wall = new Float32Array(PAIRS * PAIRS);
    for (let pair = 0; pair < PAIRS; pair++) wall.set(wallOf(pair, world), pair * PAIRS);
    return wall;
  }

  /** An image (169) of a pair, 0 open and 1 wall. All pairs share its noise, so that what differs is the pair's. */
  function exampleOf(pair, world) {
    let state = 1;
    return wallOf(pair, world).map((p) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Number(state / 2 ** 32 < p);
    });
  }

  /** The 312 pairs of neighbouring stimuli. */
  const EDGES = [];
  for (let a = 0; a < PAIRS; a++) {
    if (a % SIDE < SIDE - 1) EDGES.push([a, a + 1]);
    if (a + SIDE < PAIRS) EDGES.push([a, a + SIDE]);
  }

  /** Share of trials in which an observer of the code says which of two stimuli was which: Phi(d' / root 2). */
  function toldApart(d) {                                      // Abramowitz and Stegun 7.1.26: errors below 2e-7
    const x = d / 2, t = 1 / (1 + 0.3275911 * x);
    const tail = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
    return 1 - (tail * Math.exp(-x * x)) / 2;
  }

  /** Rows of x (S, P) in the fewest coordinates that keep their products to a millionth: (S, W), as [values, W]. */
  function coordinates(x, S, P) {                            // Cholesky, the row with most left first
    const kept = [], left = new Float64Array(S), products = (i, j) => {
      let sum = 0;
      for (let p = 0; p < P; p++) sum += x[i * P + p] * x[j * P + p];
      return sum;
    };
    for (let i = 0; i < S; i++) left[i] = products(i, i);
    const enough = 1e-6 * Math.max(...left);
    for (let most; left[most = left.indexOf(Math.max(...left))] > enough;) {
      const root = Math.sqrt(left[most]), column = Float64Array.from(left, (_, i) =>
        (products(i, most) - kept.reduce((sum, other) => sum + other[i] * other[most], 0)) / root);
      column.forEach((value, i) => { left[i] -= value ** 2; });
      kept.push(column);
    }
    const W = kept.length;
    return [Float64Array.from({ length: S * W }, (_, i) => kept[i % W][Math.floor(i / W)]), W];
  }

  /**
   * The limit of a world, as theory.codes computes it (Blahut and Arimoto): for falling slopes, the code of the
   * positions that minimises rate + slope x squared error.
   *
   * frequencies (169); world: a name of WORLDS
   * returns  floor, the error of one who knows the pair, and codes by rising rate: rate (nats), error (mean of a pixel,
   *          floor included), price (error that a nat is worth), edges (312) their d', NaN where a pair is never shown
   */
  function limitOf(frequencies, world) {
    const shown = [...frequencies.keys()].filter((pair) => frequencies[pair] > 0), S = shown.length;
    const total = shown.reduce((sum, pair) => sum + frequencies[pair], 0), wall = wallTable(world);
    const probability = Float64Array.from(shown, (pair) => frequencies[pair] / total);
    const [x, W] = coordinates(Float64Array.from({ length: S * PAIRS }, (_, i) =>
      1 - wall[shown[Math.floor(i / PAIRS)] * PAIRS + (i % PAIRS)]), S, PAIRS);
    const place = new Map(shown.map((pair, s) => [pair, s]));
    const lengths = Float64Array.from(shown, (_, s) => dot(x, s, x, s, W));
    let floor = 0, squares = 0;
    shown.forEach((pair, s) => {
      squares += probability[s] * lengths[s];
      for (let i = 0; i < PAIRS; i++) {
        const p = wall[pair * PAIRS + i];
        floor += (probability[s] * p * (1 - p)) / PAIRS;
      }
    });
    let y = x.slice(), share = probability.slice(), R = S;
    const assignment = new Float64Array(S * S), codes = [];  // (R, S) probability of each reproduction, given the pair
    let nearest = 10;                                        // squared distance of the two pairs most alike
    for (let s = 0; s < S; s++) for (let t = 0; t < s; t++)
      nearest = Math.min(nearest, lengths[s] + lengths[t] - 2 * dot(x, s, x, t, W));
    const entropy = -probability.reduce((sum, p) => sum + p * Math.log(p), 0);
    for (let slope = 4 / nearest, factor = 1.15, last = entropy; slope > 1e-3; slope /= factor) {
      let cost = Infinity;
      for (let turn = 0; turn < 12_000 / R; turn++) {        // fewer where there are many reproductions
        const before = cost;
        cost = step(slope);
        if (before - cost < 1e-8) break;
        if (turn % 10 === 9) merge();                        // the fewer there are, the faster it is
      }
      merge();
      step(slope);
      let rate = 0, kept = 0;
      for (let r = 0; r < R; r++) {
        kept += share[r] * dot(y, r, y, r, W);
        for (let s = 0; s < S; s++) {
          const q = assignment[r * S + s];
          if (q > 1e-300) rate += q * probability[s] * Math.log(q / share[r]);
        }
      }
      const error = floor + Math.max(squares - kept, 0) / PAIRS;
      codes.push({ rate, error, price: 1 / (PAIRS * slope), edges: apart() });
      if (rate < 1e-3) break;
      if (last - rate > 0.2) factor = Math.max(factor ** 0.6, 1.015);      // finer where the rate falls fast
      else if (last - rate < 0.1) factor = Math.min(factor ** 1.4, 1.15);
      last = rate;
    }
    codes.reverse();
    if (codes.at(-1).rate < entropy) codes.push({ ...codes.at(-1), rate: entropy, error: floor });
    return { floor, codes };

    function dot(a, i, b, j, width) {
      let sum = 0;
      for (let k = 0; k < width; k++) sum += a[i * width + k] * b[j * width + k];
      return sum;
    }

    /** One step: the best assignment for the reproductions, then these as the means of what they describe. */
    function step(slope) {
      const top = new Float64Array(S).fill(-Infinity), sums = new Float64Array(S);
      for (let r = 0; r < R; r++) {
        const length = dot(y, r, y, r, W), log = Math.log(share[r]);
        for (let s = 0; s < S; s++) {
          const weight = log - slope * (length + lengths[s] - 2 * dot(y, r, x, s, W));
          assignment[r * S + s] = weight;
          if (weight > top[s]) top[s] = weight;
        }
      }
      for (let r = 0; r < R; r++) for (let s = 0; s < S; s++)
        sums[s] += assignment[r * S + s] = Math.exp(assignment[r * S + s] - top[s]);
      let cost = 0, used = 0;
      for (let s = 0; s < S; s++) cost -= probability[s] * (Math.log(sums[s]) + top[s]);
      for (let r = 0; r < R; r++) {
        let part = 0;
        const mean = new Float64Array(W);
        for (let s = 0; s < S; s++) {
          const q = (assignment[r * S + s] /= sums[s]), joint = q * probability[s];
          part += joint;
          if (joint > 1e-12) for (let k = 0; k < W; k++) mean[k] += joint * x[s * W + k];
        }
        if (part < 1e-12) continue;                          // what no pair uses any more is dropped
        for (let k = 0; k < W; k++) y[used * W + k] = mean[k] / part;
        if (used < r) assignment.copyWithin(used * S, r * S, (r + 1) * S);
        share[used++] = part;
      }
      R = used;
      return cost;
    }

    /** Reproductions that have become the same, but for a 4,000th of the distance of neighbours, are one. */
    function merge() {
      let used = 0;
      for (let r = 0; r < R; r++) {
        let same = 0;
        for (; same < used; same++) {
          let away = 0;
          for (let k = 0; k < W && away < 1e-3; k++) away += (y[same * W + k] - y[r * W + k]) ** 2;
          if (away < 1e-3) break;
        }
        if (same < used) share[same] += share[r];
        else {
          y.copyWithin(used * W, r * W, (r + 1) * W);
          share[used++] = share[r];
        }
      }
      R = used;
    }

    /** d' of neighbours in a code of symbols: root of 8 B, B their Bhattacharyya distance. */
    function apart() {
      return Float32Array.from(EDGES, ([a, b]) => {
        const [s, t] = [place.get(a), place.get(b)];
        if (s === undefined || t === undefined) return NaN;
        let overlap = 0;
        for (let r = 0; r < R; r++) overlap += Math.sqrt(assignment[r * S + s] * assignment[r * S + t]);
        return Math.sqrt(-8 * Math.log(Math.min(Math.max(overlap, 1e-30), 1)));
      });
    }
  }

  /** The limit at a rate, between its codes: error and price; the d' of its edges are those of the nearest code. */
  function limitAt({ codes }, rate) {
    const i = codes.findIndex((code) => code.rate >= rate);
    if (i < 0) return { ...codes.at(-1), price: 0 };
    if (i === 0) return codes[0];
    const [low, high] = [codes[i - 1], codes[i]], t = (rate - low.rate) / Math.max(high.rate - low.rate, 1e-12);
    const mix = (name) => low[name] + t * (high[name] - low[name]);
    return { error: mix("error"), price: mix("price"), edges: (t < 0.5 ? low : high).edges };
  }

  Object.assign(geomlib, { EDGES, wallTable, exampleOf, toldApart, limitOf, limitAt });
};
geomlib.defineWorld();
