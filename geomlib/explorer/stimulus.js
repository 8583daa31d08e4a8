// Stimuli: drawn from the paper's distribution, written as an address, put into words.
"use strict";
{
const SIDE = 13, WIDTH = 1.2;                // of geomlib/data.py

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
 * Fill an image (169) with draw n of the pair (uc, lc): a pixel's chance to be open falls off from its corridor. Pairs of
 * one draw share their noise, so that what changes from one to the next is the corridors'.
 */
function drawStimulus(image, uc, lc, n) {
  const next = random(n);
  for (let i = 0; i < 169; i++) {
    const row = Math.floor(i / SIDE), away = (i % SIDE) - (row < 6 ? uc : lc);
    image[i] = row !== 6 && next() >= Math.exp(-(away ** 2) / (2 * WIDTH ** 2)) ? 1 : 0;
  }
}

/** Where an image (169) is open, in words: the column with most light in each half. */
function describeImage(pixels) {
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

/** 169 pixels of 0 or 1 as 43 hexadecimal digits, and back. */
function toHex(image) {
  const digit = (i) => [0, 1, 2, 3].reduce((sum, k) => sum + ((image[4 * i + k] ?? 0) << k), 0);
  return Array.from({ length: 43 }, (_, i) => digit(i).toString(16)).join("");
}
function fromHex(hex, image) {
  for (let i = 0; i < 169; i++) image[i] = (parseInt(hex[i >> 2], 16) >> (i & 3)) & 1;
}

Object.assign(geomlib, { drawStimulus, describeImage, toHex, fromHex });
}
