// The picture of the 169 mean codes in a plane, and 13 x 13 images: draws what it is given, computes nothing else.
"use strict";
{
const SIDE = 13, TAU = 2 * Math.PI;
const margin = (latents) => (latents ? 34 : 18);             // px, room for the axes' numbers and names
const CLEAR = 3;                             // d' from which an edge is drawn in full: 98 % told apart
const VIRIDIS = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];

/** A colour between those of VIRIDIS, part in 0..1. */
function viridis(part) {
  const at = Math.min(Math.max(part, 0), 1) * (VIRIDIS.length - 1), i = Math.min(Math.floor(at), VIRIDIS.length - 2);
  return `rgb(${VIRIDIS[i].map((low, k) => Math.round(low + (at - i) * (VIRIDIS[i + 1][k] - low))).join(" ")})`;
}

/**
 * Draw a code: lines between neighbours, the thicker and darker the better it tells them apart, then the points.
 *
 * x, y     pair -> CSS px      edges (312)  d' of the neighbours geomlib.EDGES      most  d' of a line drawn in full
 * colours  (169) CSS colours   hollow       true where the points are no data       style  ink, ground: CSS values
 */
function drawNet(context, { x, y, edges, colours, radius, style, hollow = false, most = CLEAR }) {
  context.strokeStyle = style.ink;           // points have an edge, too: some are as light or dark as the ground
  context.lineCap = "round";
  geomlib.EDGES.forEach(([a, b], i) => {
    const strong = Math.sqrt(Math.min(edges[i] / most, 1));
    context.globalAlpha = 0.08 + 0.77 * strong;
    context.lineWidth = 0.75 + 2 * strong;
    context.beginPath();
    context.moveTo(x(a), y(a));
    context.lineTo(x(b), y(b));
    context.stroke();
  });
  context.globalAlpha = 1;
  context.lineWidth = 0.75;
  for (let pair = 0; pair < 169; pair++) {
    context.beginPath();
    context.arc(x(pair), y(pair), radius, 0, TAU);
    context.fillStyle = colours[pair];
    context.fill();
    context.stroke();
    if (!hollow) continue;
    context.beginPath();
    context.arc(x(pair), y(pair), radius / 2, 0, TAU);
    context.fillStyle = style.ground;
    context.fill();
  }
}

/**
 * Draw codes on a square canvas of a size in CSS px, the same scale on both axes, the origin in the middle.
 *
 * points (338)    x, y of each pair, pair 13 x (first position) + second position
 * colours (169)   CSS colours
 * edges (312)     d' of the neighbours geomlib.EDGES: the more they are told apart, the stronger their line
 * limit           the half side of the square in units of the codes
 * latents         [i, j], counted from 0, whose values the axes are; null: the map, which has a scale but no axes
 * chosen          a pair to ring, or -1
 * pointed         a pair to mark, or -1; tip: lines of text beside it
 * code            null, or [x, y, sd x, sd y] of the stimulus, drawn as an outline: one standard deviation of its noise
 * hand            null, or [x, y] where the sliders stand
 * cloud           x, y of more codes, small
 * hollow          true where the points are interpolated, not data
 * style           ink, soft, ground, accent, font: CSS values
 */
function drawCodes(canvas, given, size = canvas.clientWidth) {
  const { points, edges, colours, limit, latents, chosen, pointed, tip, code, hand, cloud, hollow, style } = given;
  const context = canvas.getContext("2d"), ratio = canvas.width / size;
  const scale = (size / 2 - margin(latents)) / limit, radius = Math.max(3, size / 110);
  const x = (pair) => size / 2 + scale * points[2 * pair], y = (pair) => size / 2 - scale * points[2 * pair + 1];
  const dot = (px, py, r) => { context.moveTo(px + r, py); context.arc(px, py, r, 0, TAU); };
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, size, size);
  context.font = style.font;
  context.fillStyle = context.strokeStyle = style.soft;
  context.lineWidth = 1;
  axes();
  if (code) noise();
  context.fillStyle = style.soft;
  context.globalAlpha = 0.5;
  context.beginPath();
  for (let i = 0; i < cloud.length; i += 2) dot(size / 2 + scale * cloud[i], size / 2 - scale * cloud[i + 1], 1.5);
  context.fill();
  context.globalAlpha = 1;
  drawNet(context, { x, y, edges, colours, radius, style, hollow });
  marks();
  if (pointed >= 0) tooltip();

  function marks() {
    for (const [pair, colour] of [[chosen, style.accent], [pointed, style.ink]]) {
      context.strokeStyle = colour;
      context.lineWidth = 2.5;
      context.beginPath();
      if (pair >= 0) dot(x(pair), y(pair), radius + 3.5);
      context.stroke();
    }
    context.strokeStyle = style.accent;
    context.beginPath();
    if (hand) for (const [dx, dy] of [[6, 6], [6, -6]]) {
      context.moveTo(size / 2 + scale * hand[0] - dx, size / 2 - scale * hand[1] - dy);
      context.lineTo(size / 2 + scale * hand[0] + dx, size / 2 - scale * hand[1] + dy);
    }
    context.stroke();
  }

  function tooltip() {
    const wide = Math.max(...tip.map((line) => context.measureText(line).width)) + 16, high = 17 * tip.length + 10;
    const beside = x(pointed) < size / 2 ? x(pointed) + 14 : x(pointed) - 14 - wide;
    const left = Math.min(Math.max(beside, 2), size - wide - 2);
    const top = y(pointed) > high + 18 ? y(pointed) - high - 12 : y(pointed) + 12;
    context.textAlign = "left";
    context.fillStyle = style.ground;
    context.strokeStyle = style.soft;
    context.lineWidth = 1;
    context.beginPath();
    context.rect(left, top, wide, high);
    context.fill();
    context.stroke();
    context.fillStyle = style.ink;
    tip.forEach((line, i) => context.fillText(line, left + 8, top + 18 + 17 * i));
  }

  function axes() {
    context.textAlign = "center";
    if (!latents) {                          // a bar of length 1, or as much of it as there is room for
      const length = limit > 0.7 ? 1 : limit > 0.07 ? 0.1 : 0.01, left = size - 16 - scale * length;
      context.fillRect(left, size - 14, scale * length, 1.5);
      context.fillText(String(length), left + scale * length / 2, size - 20);
      return;
    }
    const digits = limit > 1.2 ? 0 : limit > 0.12 ? 1 : 2, lines = Math.floor(limit * 10 ** digits);
    for (let line = -lines; line <= lines; line++) {
      const value = line / 10 ** digits, at = scale * value;
      context.globalAlpha = value ? 0.15 : 0.5;
      context.fillRect(size / 2 + at, margin(latents) - 6, 1, size - 2 * margin(latents) + 12);
      context.fillRect(margin(latents) - 6, size / 2 - at, size - 2 * margin(latents) + 12, 1);
      context.globalAlpha = 1;
      if (line % (lines < 3 ? 1 : lines < 8 ? 2 : 5) === 0) {
        context.fillText(String(value).replace("-", "−"), size / 2 + at, size - 17);
        context.fillText(String(value).replace("-", "−"), 20, size / 2 - at + 4);
      }
    }
    context.fillText(`latent ${latents[0] + 1}`, size / 2, size - 4);
    context.save();
    context.translate(11, size / 2);
    context.rotate(-Math.PI / 2);
    context.fillText(`latent ${latents[1] + 1}`, 0, 0);
    context.restore();
  }

  /** One standard deviation of the stimulus's noise. */
  function noise() {
    context.beginPath();
    const [px, py, sx, sy] = code.map((value) => scale * value);
    context.ellipse(size / 2 + px, size / 2 - py, sx, sy, 0, 0, TAU);
    context.fillStyle = context.strokeStyle = style.accent;
    context.globalAlpha = 0.07;
    context.fill();
    context.globalAlpha = 1;
    context.lineWidth = 1.5;
    context.setLineDash([5, 4]);
    context.stroke();
    context.setLineDash([]);
  }

}

/** Draw 169 grey values on a 13 x 13 canvas: 0 (open) white, 1 (wall) black. */
function drawImage(canvas, pixels) {
  const context = canvas.getContext("2d");
  canvas.image ??= context.createImageData(SIDE, SIDE);
  for (let i = 0; i < 169; i++) {
    canvas.image.data.fill(Math.round(255 * (1 - pixels[i])), 4 * i, 4 * i + 3);
    canvas.image.data[4 * i + 3] = 255;
  }
  context.putImageData(canvas.image, 0, 0);
}

/** What an image (169) differs by from a mean image, stretched to all of 0..1: 0.5 where they are the same. */
function against(pixels, mean) {
  const most = pixels.reduce((top, p, i) => Math.max(top, Math.abs(p - mean[i])), 1e-3);
  return pixels.map((p, i) => 0.5 + (p - mean[i]) / (2 * most));
}

/** Draw the colour of each pair as a 13 x 13 map, the first position down, the second across. */
function drawKey(canvas, colours) {
  const context = canvas.getContext("2d");
  colours.forEach((colour, i) => {
    context.fillStyle = colour;
    context.fillRect(i % SIDE, Math.floor(i / SIDE), 1, 1);
  });
}

Object.assign(geomlib, { margin, viridis, drawNet, drawCodes, drawImage, against, drawKey });
}
