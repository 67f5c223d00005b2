"use strict";
// Everything works without this script but sorting, filtering, saving a figure, and folding the menu on a small screen.

function value(row, key) {
  if (key === null) return row.querySelector("th").firstChild.textContent.trim();
  const cell = [...row.cells].find((found) => found.dataset.key === key);
  if (!cell) return row.querySelector("th").textContent.trim();
  return cell.dataset.value ?? cell.textContent.trim();
}

// The number that a text begins with: of "-0.49 [-2.7, +1.8]", "< 0.001" or "17/20".
function leading(text) {
  const found = text.replace("\u2212", "-").match(/^[<>≤≥≈\s]*([+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)/i);
  return found ? Number(found[1]) : NaN;
}

function unknown(text) {
  return text === "" || text === "–";
}

// The first click sorts, the second turns round, the third restores the table as it was published.
function sortable(table) {
  const bodies = [...table.tBodies];
  const original = bodies.map((body) => [...body.rows]);
  const rows = original.flat().filter((row) => !row.matches(".group, .reference"));
  const heads = [...table.tHead.rows[0].cells];
  if (rows.length < 2) return;
  // Sorted rows leave their group, whose name may be half of theirs.
  for (const row of rows) if (row.dataset.group) row.querySelector("th").dataset.group = row.dataset.group;
  const home = bodies.find((body) => [...body.rows].includes(rows[0]));
  for (const head of heads) {
    const key = head.dataset.key ?? null;
    const first = head.dataset.first ?? "ascending";
    const second = first === "ascending" ? "descending" : "ascending";
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    head.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const now = head.getAttribute("aria-sort");
      const next = now === "none" ? first : now === first ? second : "none";
      for (const other of heads) other.setAttribute("aria-sort", "none");
      head.setAttribute("aria-sort", next);
      bodies.forEach((body, index) => body.append(...original[index]));
      table.classList.toggle("sorted", next !== "none");
      if (next === "none") return;
      const sign = next === "ascending" ? 1 : -1;
      const known = rows.filter((row) => !unknown(value(row, key)));
      const numeric = known.every((row) => !Number.isNaN(leading(value(row, key))));
      const compare = numeric
        ? (a, b) => leading(value(a, key)) - leading(value(b, key))
        : (a, b) => value(a, key).localeCompare(value(b, key), "en", { numeric: true });
      known.sort((a, b) => sign * compare(a, b));
      home.append(...known, ...rows.filter((row) => unknown(value(row, key))));
    });
  }
}

// Shows the rows that have what is typed, in themselves or in the name of their group.
function filterable(table) {
  const rows = [...table.tBodies].flatMap((body) => [...body.rows]);
  if (rows.length < 10) return;
  const words = new Map();
  let group = "";
  for (const row of rows) {
    if (row.matches(".group")) group = row.textContent;
    words.set(row, `${group} ${row.textContent}`.toLowerCase());
  }
  const box = document.createElement("input");
  box.type = "search";
  box.className = "filter";
  box.placeholder = "Filter rows";
  box.setAttribute("aria-label", "Filter the rows of the table below");
  box.addEventListener("input", () => {
    const wanted = box.value.trim().toLowerCase();
    for (const [row, text] of words) row.hidden = !text.includes(wanted);
  });
  (table.closest(".scroll") ?? table).before(box);
}

function foldable(button, contents) {
  const set = (open) => {
    button.setAttribute("aria-expanded", String(open));
    contents.classList.toggle("open", open);
  };
  button.hidden = false;
  document.body.classList.add("scripted");
  button.addEventListener("click", () => set(button.getAttribute("aria-expanded") !== "true"));
  contents.addEventListener("click", (event) => event.target.closest("a") && set(false));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || button.getAttribute("aria-expanded") !== "true") return;
    set(false);
    button.focus();
  });
}

// Marks in the contents where the reader is.
function followed(contents) {
  const links = new Map([...contents.querySelectorAll("a")].map((link) => [link.hash.slice(1), link]));
  const places = [...links.keys()].map((id) => document.getElementById(id)).filter(Boolean);
  const mark = () => {
    let here = places[0];
    for (const place of places) if (place.getBoundingClientRect().top < innerHeight / 3) here = place;
    for (const link of links.values()) link.removeAttribute("aria-current");
    for (const item of contents.querySelectorAll("li.here")) item.classList.remove("here");
    const link = links.get(here.id);
    link.setAttribute("aria-current", "true");
    for (let item = link.closest("li"); item; item = item.parentElement.closest("li")) item.classList.add("here");
    const box = contents.getBoundingClientRect();
    const place = link.getBoundingClientRect();
    if (place.top < box.top) contents.scrollTop -= box.top - place.top + 40;
    if (place.bottom > box.bottom) contents.scrollTop += place.bottom - box.bottom + 40;
  };
  let waiting = false;
  const soon = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; mark(); });
  };
  addEventListener("scroll", soon, { passive: true });
  addEventListener("resize", soon);
  mark();
}

function savable(button) {
  button.hidden = false;
  button.addEventListener("click", () => {
    const svg = button.closest(".panel").querySelector("svg");
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([new XMLSerializer().serializeToString(svg)], { type: "image/svg+xml" }));
    link.download = button.dataset.save;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
}

document.querySelectorAll(".sb-table table, table.sortable").forEach(sortable);
document.querySelectorAll(".sb-table table, table.checklist").forEach(filterable);
document.querySelectorAll("button[data-save]").forEach(savable);
foldable(document.getElementById("menu"), document.getElementById("contents"));
followed(document.getElementById("contents"));
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((part) => { part.open = true; }));
