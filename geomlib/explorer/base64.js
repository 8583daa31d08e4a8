// Numbers as files and scripts hold them: bytes and float16.
"use strict";
{
/** base64 of bytes, 0..255 -> Float32Array. */
function bytes(base64) {
  return Float32Array.from(atob(base64), (character) => character.charCodeAt(0));
}

/** base64 of little-endian float16 -> Float32Array. */
function halves(base64) {
  return fromHalves(new Uint16Array(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)).buffer));
}

/** float16, as the bits of each number (Uint16Array) -> Float32Array. */
function fromHalves(bits16) {
  return Float32Array.from(bits16, (bits) => {
    const exponent = (bits >> 10) & 31, fraction = bits & 1023, sign = bits >> 15 ? -1 : 1;
    if (exponent === 31) return fraction ? NaN : sign * Infinity;
    return sign * (exponent ? (1024 + fraction) * 2 ** (exponent - 25) : fraction * 2 ** -24);
  });
}

Object.assign(geomlib, { bytes, halves, fromHalves });
}
