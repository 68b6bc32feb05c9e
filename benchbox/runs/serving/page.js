"use strict";

// Titles and ids are written by others: they are only ever set as text.
const byId = (id) => document.getElementById(id);
const ratings = new Map();
const titles = new Map();
let model = null;
let asked = 0;

function element(tag, text, attributes = {}) {
  const made = document.createElement(tag);
  made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function complain(text) {
  byId("trouble").textContent = text;
  byId("trouble").hidden = !text;
}

async function ask(path, question) {
  const options = question && {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(question),
  };
  const response = await fetch(path, options);
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

function steps() {
  const { low, high, step } = model.scale;
  const width = step || (high - low) / 10;
  const n = Math.min(Math.round((high - low) / width), 100);
  return Array.from({ length: n + 1 }, (_, k) => Number((low + (k * (high - low)) / n).toFixed(6)));
}

function chooser(item) {
  const label = titles.get(item);
  const select = element("select", "", { "aria-label": `Your rating of ${label}` });
  select.append(element("option", "rate …", { value: "" }));
  for (const value of steps().reverse()) select.append(element("option", value, { value }));
  select.value = ratings.has(item) ? ratings.get(item) : "";
  select.addEventListener("change", () => {
    if (select.value === "") ratings.delete(item);
    else ratings.set(item, Number(select.value));
    showRated();
    recommend();
  });
  return select;
}

function line(item) {
  const made = element("li", "");
  made.append(element("span", titles.get(item)), chooser(item));
  return made;
}

function showRated() {
  byId("rated").replaceChildren(...[...ratings.keys()].map(line));
  byId("none-rated").hidden = ratings.size > 0;
  byId("forget").hidden = ratings.size === 0;
}

async function search() {
  const turn = ++asked;
  const words = new URLSearchParams({ search: byId("search").value, limit: 12 });
  try {
    const found = await ask(`api/items?${words}`);
    if (turn !== asked) return;
    for (const { item, title } of found) titles.set(item, title || item);
    byId("found").replaceChildren(...found.map(({ item }) => line(item)));
    if (!found.length) byId("found").append(element("li", "Nothing found."));
  } catch (error) {
    complain(error.message);
  }
}

let newest = 0;
async function recommend() {
  const turn = ++newest;
  const table = byId("best").closest("table");
  if (!ratings.size) {
    table.hidden = true;
    return;
  }
  try {
    const best = await ask("api/recommend", { ratings: Object.fromEntries(ratings), k: 10 });
    if (turn !== newest) return;
    complain("");
    byId("best").replaceChildren(...best.map(({ item, title, predicted, low, high }) => {
      const row = element("tr", "");
      row.append(element("td", title || item), element("td", predicted.toFixed(2), { class: "number" }));
      if (model.interval) row.append(element("td", `${low.toFixed(1)} – ${high.toFixed(1)}`, { class: "number" }));
      return row;
    }));
    table.hidden = false;
  } catch (error) {
    if (turn === newest) complain(error.message);
  }
}

async function start() {
  try {
    model = await ask("api/model");
  } catch (error) {
    complain(error.message);
    return;
  }
  byId("model").textContent = model.model;
  byId("about").textContent =
    `Fitted to ${model.dataset}: ${model.n_ratings.toLocaleString("en")} ratings from ${model.scale.low} to ${model.scale.high}.`;
  byId("explained").textContent = model.interval
    ? `With the interval that holds ${100 * model.interval} % of ratings, if the model is right.`
    : "This model does not say how sure it is.";
  byId("interval-heading").hidden = !model.interval;
  complain(model.takes_new_users
    ? model.doubt
    : "This model cannot predict for new users (it is not inductive). Fit another one to rate here; users of the data can be asked about over the JSON interface.");
  let patience;
  byId("search").addEventListener("input", () => {
    clearTimeout(patience);
    patience = setTimeout(search, 150);
  });
  byId("forget").addEventListener("click", () => {
    ratings.clear();
    showRated();
    search();
    recommend();
  });
  search();
}

start();
