// A little comfort: tables that stay tables for screen readers, sorting, filtering, and a word when this report is old or a
// newer one is there. Every page is whole without it.
"use strict";

// On a narrow screen rows are shown as cards. Some browsers then read a table as plain text, unless its roles are restated.
const roles = {
  "table": "table",
  "thead, tbody, tfoot": "rowgroup",
  "tr": "row",
  "td": "cell",
  "th": "columnheader",
  "th[scope=row]": "rowheader",
};
for (const [elements, role] of Object.entries(roles)) {
  for (const element of document.querySelectorAll(elements)) element.setAttribute("role", role);
}

for (const table of document.querySelectorAll("table[data-sortable]")) {
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const heads = [...table.tHead.rows[0].cells];

  const key = (row, column) => {
    const cell = row.cells[column];
    return (cell.dataset.sort ?? cell.textContent).trim();
  };
  const compare = (a, b) => {
    if (a === "" || b === "") return (a === "") - (b === ""); // what is not measured stays last
    const [x, y] = [Number(a.replace(/\s/g, "")), Number(b.replace(/\s/g, ""))];
    return Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b) : x - y;
  };
  const sortBy = (column) => {
    const was = heads[column].getAttribute("aria-sort");
    const next = was === null ? "ascending" : was === "ascending" ? "descending" : null;
    for (const head of heads) head.removeAttribute("aria-sort");
    if (next === null) return body.append(...rows); // the third click brings back worst first
    heads[column].setAttribute("aria-sort", next);
    const sign = next === "ascending" ? 1 : -1;
    const order = (a, b) => {
      const [x, y] = [key(a, column), key(b, column)];
      return x === "" || y === "" ? compare(x, y) : sign * compare(x, y);
    };
    body.append(...[...rows].sort(order));
  };

  if (rows.length > 2) {
    heads.forEach((head, column) => {
      if (rows.every((row) => key(row, column) === "")) return; // drawings
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      button.addEventListener("click", () => sortBy(column));
      head.append(button);
    });
  }

  if (rows.length > 12) {
    const label = document.createElement("label");
    const input = document.createElement("input");
    label.className = "filter";
    input.type = "search";
    label.append("Filter", input);
    table.before(label);
    input.addEventListener("input", () => {
      const wanted = input.value.toLowerCase();
      for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
    });
  }
}

// A drawing wider than the screen shows its middle first: its left end is one box and lines.
for (const drawing of document.querySelectorAll(".diagram")) {
  drawing.scrollTo((drawing.scrollWidth - drawing.clientWidth) / 2, 0);
}

const script = document.currentScript.src;
const mine = document.querySelector('meta[name="caelum-report"]').content;
const note = document.querySelector(".aged");

function tellAge() {
  if (!(Date.now() > Date.parse(note.dataset.oldAfter)) || note.classList.contains("newer")) return;
  note.querySelector(".stale").hidden = false;
  note.querySelector(".opened").hidden = true;
  note.classList.add("told");
}

async function lookForNewer() {
  if (location.protocol === "file:" || document.hidden) return;
  const answer = await fetch(new URL("../latest.json", script), { cache: "no-cache" }).catch(() => null);
  if (!answer?.ok) return;
  const latest = await answer.json().catch(() => null);
  if (!latest?.id || latest.id === mine) return;
  const link = document.createElement("a");
  link.href = location.pathname;
  link.textContent = `Read report #${Number(latest.number)}`;
  const words = note.querySelector(".opened");
  words.replaceChildren("There is a newer report. ", link);
  words.hidden = false;
  note.querySelector(".stale")?.setAttribute("hidden", "");
  note.classList.add("told", "newer");
}

function look() {
  tellAge();
  lookForNewer();
}

document.addEventListener("visibilitychange", look);
setInterval(look, 60_000);
look();
