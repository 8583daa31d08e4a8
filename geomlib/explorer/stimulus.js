// Stimuli: drawn from a network's world, written as an address, put into words.
"use strict";
{
const SIDE = 13;

/** Seeded numbers in 0..1 (mulberry32). */
function random(seed) {
  return () => {
    let t = (seed += 0x6d2b79f5);
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * A world as the index gives it: wall (169 x 169), the probability of wall of each pair's pixels; mean (169), that of
 * all pairs alike; places, what the two positions of a stimulus are called.
 */
function worldOf({ name, wall }) {
  const world = { wall: geomlib.bytes(wall).map((byte) => byte / 255), mean: new Float32Array(169) };
  world.wall.forEach((p, i) => { world.mean[i % 169] += p / 169; });
  world.corridors = name === "corridors";
  world.places = world.corridors ? ["upper corridor", "lower corridor"] : ["first position", "second position"];
  return world;
}

/**
 * Fill an image (169) with draw n of a pair: each pixel is wall with the probability that the world gives it. Pairs of
 * one draw share their noise, so that what changes from one to the next is the stimulus's.
 */
function drawStimulus(image, { wall }, pair, n) {
  const next = random(n);
  for (let i = 0; i < 169; i++) image[i] = next() < wall[169 * pair + i] ? 1 : 0;
}

/** Where an image (169) of a world is open, in words: of corridors, the column with most light in each half. */
function describeImage(pixels, { corridors }) {
  if (!corridors) return `${Math.round((pixels.reduce((open, p) => open + 1 - p, 0) / 169) * 100)} % is open.`;
  const lightest = (first) => {
    let best = 0, most = -1;
    for (let column = 0; column < SIDE; column++) {
      let light = 0;
      for (let row = first; row < first + 6; row++) light += 1 - pixels[row * SIDE + column];
      if (light > most) [best, most] = [column, light];
    }
    return `column ${best} (${Math.round((most / 6) * 100)} % open)`;
  };
  return `Lightest above: ${lightest(0)}, below: ${lightest(7)}.`;
}

/** The pair whose mean image comes nearest to an image (169). */
function nearestPair(pixels, { wall }) {
  let nearest = 0, least = Infinity;
  for (let pair = 0; pair < 169; pair++) {
    let away = 0;
    for (let i = 0; i < 169; i++) away += (pixels[i] - wall[169 * pair + i]) ** 2;
    if (away < least) [nearest, least] = [pair, away];
  }
  return nearest;
}

/** 169 pixels of 0 or 1 as 43 hexadecimal digits, and back. */
function toHex(image) {
  const digit = (i) => [0, 1, 2, 3].reduce((sum, k) => sum + ((image[4 * i + k] ?? 0) << k), 0);
  return Array.from({ length: 43 }, (_, i) => digit(i).toString(16)).join("");
}
function fromHex(hex, image) {
  for (let i = 0; i < 169; i++) image[i] = (parseInt(hex[i >> 2], 16) >> (i & 3)) & 1;
}

Object.assign(geomlib, { random, worldOf, drawStimulus, describeImage, nearestPair, toHex, fromHex });
}
