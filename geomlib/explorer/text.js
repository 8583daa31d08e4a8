// Numbers for readers: with a true minus sign, and as short as can be.
"use strict";
{
const number = (x, digits = 2) => (Number.isFinite(x) ? x.toFixed(digits).replace("-", "−") : "–");
const plain = (x) => String(Math.round(x * 100) / 100);
const nats = (x) => `${plain(x)} ${x === 1 ? "nat" : "nats"}`;

Object.assign(geomlib, { number, plain, nats });
}
