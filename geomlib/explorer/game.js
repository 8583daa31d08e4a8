// The game of Explore: a stimulus is encoded, its code disturbed by the noise and decoded; who can say what it was?
"use strict";
{
const SIDE = 13, ROUNDS = 5;

const GAME_HTML = `
<p>Somebody draws a stimulus. All that reaches you is what the network on show makes of its code, noise and all. Where
  were its corridors? Your guess runs against two others: the <b>picture</b> itself, taken for the stimulus whose mean
  image comes nearest to it, and an <b>ideal observer</b>, who reads the code instead of the picture and knows its
  noise.</p>
<div class="board">
  <div><h2>What is left</h2><canvas class="image" width="13" height="13" role="img"></canvas>
    <p class="how"></p></div>
  <div class="guess">
    <label><span></span> <output></output><input type="range" min="0" max="12"></label>
    <label><span></span> <output></output><input type="range" min="0" max="12"></label>
    <button type="button" name="answer">That’s it</button>
    <p class="told" role="status"></p>
  </div>
  <div class="truth"><h2>What it was</h2><canvas class="image" width="13" height="13" role="img"></canvas></div>
</div>`;

/**
 * Log of the probability of each pair (169), given a code z (D), all pairs alike at first: from the pairs' mean codes
 * and the noise on them (169 x D), as Gaussian. It lacks a constant.
 */
function posterior(z, { codes, spreads }) {
  const D = z.length;
  return Float64Array.from({ length: 169 }, (_, pair) => z.reduce((sum, value, d) => {
    const sd = spreads[pair * D + d];
    return sum - ((value - codes[pair * D + d]) / sd) ** 2 / 2 - Math.log(sd);
  }, 0));
}

/** The guess that is expected to be fewest columns off: of each position, the median of its posterior. */
function idealGuess(z, stop) {
  const log = posterior(z, stop), top = Math.max(...log), positions = [new Float64Array(SIDE), new Float64Array(SIDE)];
  log.forEach((value, pair) => {
    positions[0][Math.floor(pair / SIDE)] += Math.exp(value - top);
    positions[1][pair % SIDE] += Math.exp(value - top);
  });
  const [first, second] = positions.map((share) => {
    const half = share.reduce((a, b) => a + b) / 2;
    let sum = 0;
    return share.findIndex((part) => (sum += part) >= half);
  });
  return SIDE * first + second;
}

const away = (a, b) => Math.abs(Math.floor(a / SIDE) - Math.floor(b / SIDE)) + Math.abs((a % SIDE) - (b % SIDE));
const columns = (n) => `${String(Math.round(10 * n) / 10)} ${n === 1 ? "column" : "columns"}`;

/** Five rounds with the first network on show; a new game where another is chosen. */
class Game {
  constructor(page, root) {
    Object.assign(this, { page, root, random: geomlib.random(Date.now()) });
    root.insertAdjacentHTML("beforeend", GAME_HTML);
    const find = (selector) => root.querySelector(selector);
    [this.left, this.was] = root.querySelectorAll("canvas");
    this.sliders = [...root.querySelectorAll("input")];
    Object.assign(this, { button: find("button"), told: find(".told"), truth: find(".truth"), how: find(".how") });
    root.ontoggle = () => { if (root.open) this.begin(); };
    this.sliders.forEach((slider) => { slider.oninput = () => this.showGuess(); });
    this.button.onclick = () => (this.open ? this.answer() : this.next());
    this.left.onclick = ({ offsetX, offsetY }) => {          // the picture says where: its upper half, its lower half
      if (!this.open || !this.side.world.corridors) return;
      const size = this.left.clientWidth, column = Math.min(Math.floor((offsetX / size) * SIDE), SIDE - 1);
      this.sliders[Number(offsetY > size / 2)].value = column;
      this.showGuess();
    };
  }

  get side() { return this.page.sides[0]; }

  begin() {
    Object.assign(this, { round: 0, off: [0, 0, 0] });
    this.next();
  }

  /** A new stimulus, its disturbed code and the picture made of it. */
  next() {
    const { side } = this, { network } = side;
    if (this.round === ROUNDS || network !== this.network) Object.assign(this, { round: 0, off: [0, 0, 0] });
    Object.assign(this, { network, open: Boolean(network) });
    this.truth.hidden = true;
    this.button.disabled = !network;
    if (!network) {
      this.told.textContent = "There is no image at this capacity: move it to a trained one, then open the game anew.";
      return;
    }
    const normal = () => Math.sqrt(-2 * Math.log(1 - this.random())) * Math.cos(2 * Math.PI * this.random());
    this.pair = Math.floor(169 * this.random());
    this.image ??= new Float32Array(169);
    geomlib.drawStimulus(this.image, side.world, this.pair, Math.floor(1e6 * this.random()));
    network.encode(this.image);
    this.z = Float64Array.from(network.mu, (mean, d) => mean + normal() * Math.exp(network.logvar[d] / 2));
    network.decode(this.z);
    const minus = side.isAgainst();
    geomlib.drawImage(this.left, minus ? geomlib.against(network.pixels, side.world.mean) : network.pixels);
    const seen = geomlib.describeImage(network.pixels, side.world);
    this.left.setAttribute("aria-label", `What is left of the stimulus. ${seen}`);
    this.guesses = [geomlib.nearestPair(network.pixels, side.world), idealGuess(this.z, side.stops[side.nearest()])];
    this.how.textContent = (minus ? "Minus the mean image: lighter is more open than on average. " : "") +
      (side.world.corridors ? "Tap it, or move the sliders." : "Move the sliders.");
    this.button.textContent = "That’s it";
    const from = `${side.model.value} at ${geomlib.nats(side.capacity)}`;
    this.told.textContent = `Round ${this.round + 1} of ${ROUNDS}: ${from}.`;
    this.sliders.forEach((slider) => { slider.value = 6; slider.disabled = false; });
    this.showGuess();
    this.page.sides[0].read();                               // the network had another image
    this.page.update();
  }

  showGuess() {
    this.sliders.forEach((slider, n) => {
      const [name, shown] = slider.parentElement.children;
      name.textContent = this.side.world.places[n];
      shown.textContent = slider.value;
    });
  }

  answer() {
    const [first, second] = this.sliders.map(({ value }) => Number(value));
    const off = [SIDE * first + second, ...this.guesses].map((pair) => away(pair, this.pair));
    this.off = this.off.map((sum, i) => sum + off[i]);
    this.round += 1;
    this.open = false;
    this.sliders.forEach((slider) => { slider.disabled = true; });
    geomlib.drawImage(this.was, this.image);
    this.was.setAttribute("aria-label", `The stimulus: ${this.page.names(this.pair)}`);
    this.truth.hidden = false;
    const over = this.round === ROUNDS;
    this.told.textContent = `It was ${this.page.names(this.pair)}. You were ${columns(off[0])} off, ` +
      `the picture ${off[1]}, the ideal observer ${off[2]}. ` + (over ? this.verdict() : "");
    this.button.textContent = over ? "Play again" : "Next";
  }

  /** The whole game in words. */
  verdict() {
    const [you, picture, ideal] = this.off.map((sum) => sum / ROUNDS);
    return `After ${ROUNDS} rounds: you ${columns(you)} off a round, the picture ${columns(picture)}, ` +
      `the ideal observer ${columns(ideal)}; a guess of the middle is 6.5 off on average. ` +
      (you <= ideal ? "As good as the ideal observer!" : you <= picture ? "You beat the picture."
        : "The picture was better.");
  }
}

Object.assign(geomlib, { Game, posterior, idealGuess });
}
