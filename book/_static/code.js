// One switch a page shows or hides all of its code, in place of a bar at each cell. The choice is kept for other pages.
// Without JavaScript each cell has its own bar.
document.addEventListener("DOMContentLoaded", () => {
  const cells = document.querySelectorAll("details.hide.above-input");
  const title = document.querySelector(".bd-article h1");
  if (!cells.length || !title) return;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "code-switch";
  const show = (shown) => {
    document.documentElement.classList.toggle("code-hidden", !shown);
    cells.forEach((cell) => { cell.open = shown; });
    button.textContent = shown ? "Hide code" : "Show code";
    button.setAttribute("aria-pressed", shown);
  };
  let kept = false;
  try { kept = localStorage.getItem("code") === "shown"; } catch { /* storage is off: the choice holds for this page */ }
  show(kept);
  button.addEventListener("click", () => {
    const shown = button.getAttribute("aria-pressed") !== "true";
    show(shown);
    try { localStorage.setItem("code", shown ? "shown" : "hidden"); } catch { /* as above */ }
  });
  title.after(button);
});
