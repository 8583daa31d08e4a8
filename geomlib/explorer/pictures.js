// The pictures of the page Train: draw what they are given, compute nothing else.
"use strict";
{
const { PAIRS } = geomlib, MARGIN = 16;      // px

/** Give a canvas as many pixels as it has room for. */
function fit(canvas) {
  canvas.width = Math.round(canvas.clientWidth * devicePixelRatio);
  canvas.height = Math.round(canvas.clientHeight * devicePixelRatio);
}

/**
 * A code in its plane. Lines join neighbours, thick where the code tells them apart.
 *
 * seen       { shown (338) points, edges (312) d' }, or null: then the text is there instead
 * colours    (169) CSS colours       limit  half the side of the square in units of the codes
 * chosen     a pair to ring          style  ink, soft, ground, font: CSS values
 */
function drawMap(canvas, seen, { colours, limit, chosen, style, text = "" }) {
  const context = canvas.getContext("2d"), size = canvas.clientWidth, ratio = canvas.width / size;
  const scale = (size / 2 - MARGIN) / limit, radius = Math.max(2.5, size / 120);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, size, size);
  if (!seen) {
    context.font = style.font;
    context.fillStyle = style.soft;
    context.textAlign = "center";
    return context.fillText(text, size / 2, size / 2);
  }
  const x = (pair) => size / 2 + scale * seen.shown[2 * pair];
  const y = (pair) => size / 2 - scale * seen.shown[2 * pair + 1];
  geomlib.drawNet(context, { x, y, edges: seen.edges, colours, radius, style });
  context.lineWidth = 2.5;
  for (const [colour, away] of [[style.ground, 3], [style.ink, 5]]) {
    context.strokeStyle = colour;
    context.beginPath();
    context.arc(x(chosen), y(chosen), radius + away, 0, 2 * Math.PI);
    context.stroke();
  }
  const length = limit > 1.4 ? 1 : 0.1;      // a bar, for the scale
  context.fillStyle = style.soft;
  context.fillRect(size - 12 - scale * length, size - 10, scale * length, 2);
  context.font = style.font;
  context.textAlign = "center";
  context.fillText(String(length), size - 12 - (scale * length) / 2, size - 14);
}

/** The pair whose point in drawMap is nearest to a place on its canvas. */
function pairAt(canvas, { offsetX, offsetY }, { shown }, limit) {
  const half = canvas.clientWidth / 2, scale = (half - MARGIN) / limit;
  let [best, least] = [0, Infinity];
  for (let pair = 0; pair < PAIRS; pair++) {
    const [x, y] = [half + scale * shown[2 * pair], half - scale * shown[2 * pair + 1]];
    const away = Math.hypot(x - offsetX, y - offsetY);
    if (away < least) [best, least] = [pair, away];
  }
  return best;
}

/**
 * The plane of rate and error: the paths (rate, error, rate, error, ...) of both networks, the limit (of
 * geomlib.limitOf, or null) and the capacity.
 */
function drawPlane(canvas, { paths, limit, capacity, style }) {
  const context = canvas.getContext("2d");
  const [width, height, ratio] = [canvas.clientWidth, canvas.clientHeight, canvas.width / canvas.clientWidth];
  const [left, right, top, bottom] = [56, 10, 10, 34];
  let reached = 0;                           // with a task a rate starts far above its capacity
  for (const path of paths) for (let i = 0; i < path.length; i += 2) reached = Math.max(reached, path[i]);
  const most = Math.max(1.4 * capacity, 0.5, Math.min(1.05 * reached, 4 * capacity)), [low, high] = [0.04, 0.2];
  const x = (rate) => left + (rate / most) * (width - left - right);
  const y = (error) => height - bottom - ((error - low) / (high - low)) * (height - top - bottom);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  axes();
  context.save();
  context.beginPath();
  context.rect(left, top, width - left - right, height - top - bottom);
  context.clip();
  context.setLineDash([2, 4]);
  context.strokeStyle = style.soft;
  line([[x(capacity), top], [x(capacity), height - bottom]]);
  context.setLineDash([6, 4]);
  context.strokeStyle = style.ink;
  context.lineWidth = 1.5;
  if (limit) line(limit.codes.map(({ rate, error }) => [x(rate), y(error)]).concat([[width, y(limit.floor)]]));
  context.setLineDash([]);
  context.lineWidth = 2;
  [style.yours, style.theirs].map((colour, k) => [colour, k]).reverse().forEach(([colour, k]) => {
    const path = paths[k];
    if (!path.length) return;
    context.strokeStyle = context.fillStyle = colour;
    line(Array.from({ length: path.length / 2 }, (_, i) => [x(path[2 * i]), y(path[2 * i + 1])]));
    context.beginPath();
    context.arc(x(path.at(-2)), y(path.at(-1)), 4.5, 0, 2 * Math.PI);
    context.fill();
  });
  context.restore();

  function axes() {
    context.font = style.font;
    context.fillStyle = style.soft;
    context.strokeStyle = style.line;
    context.lineWidth = 1;
    context.textAlign = "right";
    for (const error of [0.05, 0.1, 0.15, 0.2]) {
      context.fillText(String(error), left - 6, y(error) + 4);
      line([[left, y(error)], [width - right, y(error)]]);
    }
    context.textAlign = "center";
    const tick = most > 6 ? 3 : most > 2 ? 1 : most > 0.8 ? 0.5 : 0.1;
    for (let rate = 0; rate <= most; rate += tick) context.fillText(geomlib.plain(rate), x(rate), height - bottom + 16);
    context.fillText("rate (nats)", left + (width - left - right) / 2, height - 4);
    context.save();
    context.translate(11, top + (height - top - bottom) / 2);
    context.rotate(-Math.PI / 2);
    context.fillText("error of a pixel", 0, 0);
    context.restore();
  }
  function line(points) {
    context.beginPath();
    points.forEach(([px, py], i) => (i ? context.lineTo(px, py) : context.moveTo(px, py)));
    context.stroke();
  }
}

Object.assign(geomlib, { fit, drawMap, pairAt, drawPlane });
}
