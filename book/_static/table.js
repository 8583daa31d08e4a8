// Makes each table.sortable on a page sortable by its column heads, and filtered by a field above it. Without JavaScript
// the table is whole and in its own order. Classic script, no dependencies; works from file://.
document.querySelectorAll("table.sortable").forEach((table) => {
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const heads = [...table.tHead.rows[0].cells];

  const number = (text) => parseFloat(text.replace("\u2212", "-").replace("+", ""));
  const compare = (a, b) => {
    if (!a || !b) return (a ? 0 : 1) - (b ? 0 : 1); // an empty cell comes last, either way
    const [x, y] = [number(a), number(b)];
    return direction * (Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b) : x - y);
  };
  let direction = 1;

  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    head.scope = "col";
    button.addEventListener("click", () => {
      direction = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", direction === 1 ? "ascending" : "descending");
      const text = (row) => row.cells[column].textContent.trim();
      rows.sort((a, b) => compare(text(a), text(b)));
      body.append(...rows);
    });
  });

  const label = document.createElement("label");
  label.textContent = "Show rows with ";
  const field = document.createElement("input");
  field.type = "search";
  field.placeholder = "E2M3 missed";
  const count = document.createElement("span");
  count.setAttribute("role", "status");
  const filter = () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    rows.forEach((row) => {
      const text = [...row.cells].map((cell) => cell.textContent.toLowerCase()).join(" ");
      row.hidden = !words.every((word) => text.includes(word));
    });
    count.textContent = ` ${rows.filter((row) => !row.hidden).length} of ${rows.length} rows`;
  };
  field.addEventListener("input", filter);
  label.append(field);
  const tools = document.createElement("p");
  tools.className = "table-tools";
  tools.append(label, count);
  table.before(tools);
  filter();
});
