// The page Train as HTML, before anything is trained.
"use strict";
{
const BOARD_HTML = (name) => `<span class="pick"><canvas class="board ${name}" width="13" height="13" tabindex="0"
  role="application" aria-roledescription="board to paint on"></canvas><i></i></span>`;

const NETWORK_HTML = (title, note) => `
<section class="codes" aria-label="${title}">
  <h2>${title}</h2><p class="about">${note}</p>
  <canvas class="plot" tabindex="0" role="application" aria-roledescription="map of stimuli"
    aria-label="Not trained yet"></canvas>
  <p class="note"></p>
  <div class="bars" role="img" aria-label="Rate of each latent: not trained yet"></div>
</section>`;

const IMAGE_HTML = (title) => `<figure><figcaption>${title}</figcaption>
  <canvas class="image" width="13" height="13" role="img" aria-label="${title}"></canvas></figure>`;

const TRAIN_HTML = `
<div class="panes">
  <div class="choices">
    <section aria-label="What the network sees">
      <h2>1 What is shown, and how often?</h2>
      <label>World <select name="world"></select></label>
      <label>Start from <select name="preset"></select></label>
      <label>Brush <select name="brush"></select></label>
      ${BOARD_HTML("counts")}
      <p class="hint"><span class="directions"></span>: drag to paint; by keys, arrows and space.</p>
      <button type="button" name="opentable">Open a table of counts …</button>
    </section>
    <section class="asked" aria-label="What the network must do">
      <h2>2 How much may it tell, and what is asked?</h2>
      <label>Capacity C <output name="nats"></output>
        <input type="range" name="capacity" min="0" max="1" step="0.01"></label>
      <label>Task <select name="task"></select></label>
      <div class="painted" hidden>
        <label>Brush <select name="class"></select></label>
        ${BOARD_HTML("classes")}
      </div>
      <div class="abreast">
        <label>Length <select name="steps"></select></label>
        <label>Seed <input type="number" name="seed" min="0" max="4294967295" step="1"></label>
      </div>
    </section>
    <section class="go" aria-label="Training">
      <div class="buttons"><button type="button" name="train">Train</button>
        <button type="button" name="once">One step</button> <button type="button" name="reset">Reset</button></div>
      <label class="slowly"><input type="checkbox" name="slow"> Slow motion</label>
      <progress max="1" value="0" aria-label="Progress of the training"></progress>
      <p class="status" role="status"></p>
      <p class="told" role="status"></p>
    </section>
  </div>
  <div class="networks">
    ${NETWORK_HTML("Your network", "Sees the pairs as painted, and is asked what you chose.")}
    ${NETWORK_HTML("Its partner", "Same first weights and noise; sees all pairs alike, without a task.")}
    <p class="key wide"><label>Colour <select name="colour"></select></label>
      <span>Lines join neighbours: <b>thick</b> where the code tells them apart (resolution d' of 3 or more), faint
      where it can't.</span></p>
    <section class="seen wide" aria-label="One stimulus">
      <h2>What they make of one stimulus</h2>
      <div class="images">${["Stimulus", "Yours", "Partner's"].map(IMAGE_HTML).join("")}</div>
      <p class="about"></p>
    </section>
    <section class="plane" aria-label="Rate and distortion">
      <h2>Rate and distortion</h2>
      <canvas class="chart" role="img" aria-label="Error against rate: not trained yet"></canvas>
      <p class="hint"><span class="yours">━</span> yours <span class="theirs">━</span> partner <span>╌</span>
        least error that any code of the positions can have in your world</p>
    </section>
    <section class="measured" aria-label="Numbers">
      <h2>Numbers</h2>
      <table><thead><tr><td></td><th scope="col">yours</th><th scope="col">partner</th><th scope="col">limit</th></tr>
        </thead><tbody></tbody></table>
      <p class="unsettled"></p>
    </section>
  </div>
</div>
<section class="runs" aria-label="Your runs"></section>
<div class="command"><h2>Take it home, or bring one</h2>
  <p class="buttons"><button type="button" name="download" disabled>Download the network</button>
  <button type="button" name="opennetwork">Open a network …</button>
  <button type="button" name="link">Copy a link to these settings</button></p>
  <p class="hint">A network of this page is one file. A run of geomlib is two: choose weights.safetensors and spec.json
    of its folder together. Files can also be dropped anywhere here.</p>
  <ul><li><span>The same training with geomlib:</span><pre tabindex="0" aria-label="Python"></pre>
    <button type="button" name="copy">Copy</button></li></ul>
</div>
<input type="file" multiple hidden>
<p class="spoken" role="status"></p>`;

Object.assign(geomlib, { TRAIN_HTML });
}
