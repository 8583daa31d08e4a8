// Numbers as the scripts hold them, in base64.
"use strict";
{
/** base64 of bytes, 0..255 -> Float32Array. */
function bytes(base64) {
  return Float32Array.from(atob(base64), (character) => character.charCodeAt(0));
}

/** base64 of little-endian float16 -> Float32Array. */
function halves(base64) {
  const bytes = atob(base64), out = new Float32Array(bytes.length / 2);
  for (let i = 0; i < out.length; i++) {
    const bits = bytes.charCodeAt(2 * i) | (bytes.charCodeAt(2 * i + 1) << 8);
    const exponent = (bits >> 10) & 31, fraction = bits & 1023;
    const size = exponent ? (1024 + fraction) * 2 ** (exponent - 25) : fraction * 2 ** -24;
    out[i] = bits >> 15 ? -size : size;
  }
  return out;
}

Object.assign(geomlib, { bytes, halves });
}
