// Finds a program by its name or by what it says; nothing leaves the browser.
"use strict";
const form = document.getElementById("find");
const said = document.getElementById("said");
const found = document.getElementById("found");
const rows = [...document.querySelectorAll("#programs > li")];

function fits(program, text) {
  if (program.name.toLowerCase().includes(text.toLowerCase())) return true;
  return program.signs.some((sign) => new RegExp(sign, "im").test(text));
}

function search() {
  const text = said.value.slice(0, 2000).trim();
  const hits = text ? PROGRAMS.filter((program) => fits(program, text)) : [];
  const pages = new Set(hits.filter((program) => program.page).map((program) => program.id));
  for (const row of rows) {
    const name = row.firstElementChild.textContent.toLowerCase();
    row.hidden = Boolean(text) && !pages.has(row.dataset.id) && !name.includes(text.toLowerCase());
  }
  const some = rows.some((row) => !row.hidden);
  found.textContent = some ? "" : hits.length
    ? found.dataset.known.replace("{}", hits[0].name)
    : found.dataset.none;
}

form.hidden = false;
form.addEventListener("submit", (event) => event.preventDefault());
said.addEventListener("input", search);
search();
