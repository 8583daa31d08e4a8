// The picture of the 169 mean codes in a plane, and 13 x 13 images: draws what it is given, computes nothing else.
"use strict";
{
const SIDE = 13, TAU = 2 * Math.PI;
const MARGIN = 34;                           // px, room for the axes' numbers and names

/**
 * Draw codes on a square canvas, the same scale on both axes, the origin in the middle.
 *
 * points (338)    x, y of each pair (x_UC, x_LC), pair 13 x_UC + x_LC
 * colours (169)   CSS colours
 * limit           the half side of the square in units of the codes
 * latents         [i, j], counted from 0, whose values the axes are; null: the map, which has a scale but no axes
 * spreads (338)   standard deviations of the codes' noise along x and y, drawn as halos; or null
 * chosen          a pair to ring, or -1
 * pointed         a pair to name, or -1
 * code            null, or [x, y, sd x, sd y] of the stimulus; hand: null, or [x, y] where the sliders stand
 * cloud           x, y of more codes, small
 * hollow          true where the points are interpolated, not data
 * style           ink, soft, ground, accent, font: CSS values
 */
function drawCodes(canvas, given) {
  const { points, spreads, colours, limit, latents, chosen, pointed, code, hand, cloud, hollow, style } = given;
  const context = canvas.getContext("2d"), size = canvas.clientWidth, ratio = canvas.width / size;
  const scale = (size / 2 - MARGIN) / limit;
  const x = (value) => size / 2 + scale * value, y = (value) => size / 2 - scale * value;
  const dot = (px, py, radius) => { context.moveTo(px + radius, py); context.arc(px, py, radius, 0, TAU); };
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, size, size);
  context.font = style.font;
  context.fillStyle = context.strokeStyle = style.soft;
  context.lineWidth = 1;
  axes();
  if (spreads) halos();
  mesh();
  const radius = Math.max(3, size / 110);
  context.globalAlpha = 0.5;
  context.beginPath();
  for (let i = 0; i < cloud.length; i += 2) dot(x(cloud[i]), y(cloud[i + 1]), 1.5);
  context.fill();
  context.globalAlpha = 1;
  context.lineWidth = 0.75;
  context.strokeStyle = style.ink;           // an edge, since some colours are as light or dark as the ground
  for (let i = 0; i < 169; i++) {
    context.beginPath();
    dot(x(points[2 * i]), y(points[2 * i + 1]), radius);
    context.fillStyle = colours[i];
    context.fill();
    context.stroke();
    if (!hollow) continue;
    context.beginPath();
    dot(x(points[2 * i]), y(points[2 * i + 1]), radius / 2);
    context.fillStyle = style.ground;
    context.fill();
  }
  context.lineWidth = 2;
  context.beginPath();
  if (chosen >= 0) dot(x(points[2 * chosen]), y(points[2 * chosen + 1]), radius + 3.5);
  context.stroke();
  context.strokeStyle = style.accent;
  context.beginPath();
  if (code) context.ellipse(x(code[0]), y(code[1]), scale * code[2], scale * code[3], 0, 0, TAU);
  if (hand) for (const [dx, dy] of [[6, 6], [6, -6]]) {
    context.moveTo(x(hand[0]) - dx, y(hand[1]) - dy);
    context.lineTo(x(hand[0]) + dx, y(hand[1]) + dy);
  }
  context.stroke();
  if (pointed >= 0) name();

  function name() {
    const text = `x_UC ${Math.floor(pointed / SIDE)}, x_LC ${pointed % SIDE}`, px = x(points[2 * pointed]);
    const wide = context.measureText(text).width, left = px + (px < size / 2 ? 12 : -12 - wide);
    const base = Math.max(y(points[2 * pointed + 1]) - 12, 16);
    context.textAlign = "left";
    context.fillStyle = style.ground;
    context.fillRect(left - 4, base - 13, wide + 8, 18);
    context.fillStyle = style.ink;
    context.fillText(text, left, base);
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
      const value = line / 10 ** digits;
      context.globalAlpha = value ? 0.15 : 0.5;
      context.fillRect(x(value), MARGIN - 6, 1, size - 2 * MARGIN + 12);
      context.fillRect(MARGIN - 6, y(value), size - 2 * MARGIN + 12, 1);
      context.globalAlpha = 1;
      if (line % (lines < 3 ? 1 : lines < 8 ? 2 : 5) === 0) {
        context.fillText(String(value).replace("-", "−"), x(value), size - 17);
        context.fillText(String(value).replace("-", "−"), 20, y(value) + 4);
      }
    }
    context.fillText(`latent ${latents[0] + 1}`, size / 2, size - 4);
    context.save();
    context.translate(11, size / 2);
    context.rotate(-Math.PI / 2);
    context.fillText(`latent ${latents[1] + 1}`, 0, 0);
    context.restore();
  }

  function halos() {
    for (let i = 0; i < 169; i++) {
      context.beginPath();
      const [k, l] = [2 * i, 2 * i + 1];
      context.ellipse(x(points[k]), y(points[l]), scale * spreads[k], scale * spreads[l], 0, 0, TAU);
      // With less than a tenth, a colour's rounding adds up to another one: beige to pink. A share of grey, so that
      // neither light halos on a light ground nor dark ones on a dark ground are lost.
      for (const [colour, alpha] of [[colours[i], 0.1], ["#808080", 0.05]]) {
        context.globalAlpha = alpha;
        context.fillStyle = colour;
        context.fill();
      }
    }
    context.globalAlpha = 1;
    context.strokeStyle = context.fillStyle = style.soft;
  }

  function mesh() {                          // joins pairs one column apart
    context.globalAlpha = 0.35;
    context.beginPath();
    for (let i = 0; i < 169; i++) for (const j of [i % SIDE < 12 ? i + 1 : i, i + SIDE])
      if (j < 169) {
        context.moveTo(x(points[2 * i]), y(points[2 * i + 1]));
        context.lineTo(x(points[2 * j]), y(points[2 * j + 1]));
      }
    context.stroke();
    context.globalAlpha = 1;
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

/** Draw the colour of each pair as a 13 x 13 map, x_UC down, x_LC across. */
function drawKey(canvas, colours) {
  const context = canvas.getContext("2d");
  colours.forEach((colour, i) => {
    context.fillStyle = colour;
    context.fillRect(i % SIDE, Math.floor(i / SIDE), 1, 1);
  });
}

Object.assign(geomlib, { MARGIN, drawCodes, drawImage, drawKey });
}
