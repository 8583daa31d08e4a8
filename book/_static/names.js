// Names for screen readers where the theme's markup lacks them or hides the visible ones.
document.addEventListener("DOMContentLoaded", () => {
  for (const summary of document.querySelectorAll("nav summary"))
    summary.ariaLabel = `Pages of ${summary.closest("li").querySelector("a").textContent}`;
  for (const summary of document.querySelectorAll("details.hide > summary")) summary.removeAttribute("aria-label");
  for (const list of document.querySelectorAll(".citation-list")) list.removeAttribute("role");
});
