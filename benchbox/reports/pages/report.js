"use strict";
// What others wrote comes in as JSON and goes out as text: nothing here makes HTML.
(() => {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];

  // Charts.
  const charts = read("chart-data");
  const options = { mode: "vega-lite", renderer: "svg", actions: false, ast: true };
  const draw = async (place) => {
    const spec = charts[place.id];
    if (!spec || place.dataset.begun) return;
    place.dataset.begun = "yes";
    try {
      await vegaEmbed(place, spec, options);
      place.classList.add("drawn");
    } catch (error) {
      place.textContent = `This chart could not be drawn: ${error.message}`;
    }
  };
  const places = all(".chart");
  const drawAll = () => Promise.all(places.map(draw));
  const seen = new IntersectionObserver(
    (entries) => entries.filter((e) => e.isIntersecting).forEach((e) => draw(e.target)),
    { rootMargin: "800px" },
  );
  places.forEach((place) => seen.observe(place));
  addEventListener("beforeprint", drawAll);
  document.getElementById("print").addEventListener("click", async () => {
    await drawAll();
    print();
  });

  // Light and dark.
  const root = document.documentElement;
  const theme = document.getElementById("theme");
  const isDark = () => {
    const chosen = root.dataset.theme;
    return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  };
  const nameTheme = () => { theme.textContent = isDark() ? "Light" : "Dark"; };
  theme.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    nameTheme();
  });
  nameTheme();

  // Tables that can be sorted. Cells without a value come last either way.
  const compare = (a, b) => {
    const [x, y] = [Number(a), Number(b)];
    return Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b) : x - y;
  };
  const sort = (table, place, sign) => {
    const body = table.tBodies[0];
    const value = (row) => row.cells[place].dataset.value;
    const rows = [...body.rows].sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      if (x === "" || y === "") return (x === "") - (y === "");
      return sign * compare(x, y);
    });
    body.append(...rows);
  };
  for (const table of all("table.board")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, place) => head.querySelector("button").addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      sort(table, place, up ? 1 : -1);
    }));
  }

  // Filters of the tables.
  const filters = all("[data-filter]");
  const filter = () => {
    const wanted = Object.fromEntries(filters.map((f) => [f.dataset.filter, f.value]));
    const part = wanted.model.toLowerCase();
    let n = 0;
    for (const chapter of all(".chapter")) {
      chapter.hidden = Boolean(
        (wanted.dataset && chapter.dataset.dataset !== wanted.dataset) ||
        (wanted.protocol && chapter.dataset.protocol !== wanted.protocol));
      for (const row of all("table.board tbody tr", chapter)) {
        row.hidden = Boolean(
          (wanted.family && row.dataset.family !== wanted.family) ||
          !row.dataset.model.toLowerCase().includes(part));
        n += !row.hidden && !chapter.hidden;
      }
    }
    document.getElementById("shown").value = `${n} ${n === 1 ? "row" : "rows"} shown`;
  };
  filters.forEach((f) => f.addEventListener("input", filter));
  document.getElementById("filters").addEventListener("submit", (e) => e.preventDefault());
  filter();

  // Trials, a page at a time; the story of one is written when it is opened.
  const data = read("trial-data");
  const list = document.getElementById("trial-list");
  const more = document.getElementById("trial-more");
  const status = document.getElementById("trial-status");
  const search = document.getElementById("trial-search");
  const element = (name, text = "", className = "") => {
    const made = document.createElement(name);
    made.textContent = text;
    if (className) made.className = className;
    return made;
  };
  for (const name of new Set(data.trials.map((t) => t.status))) {
    const option = element("option", name);
    option.value = name;
    status.append(option);
  }
  const score = (value) => value.toLocaleString("en", { minimumFractionDigits: 4, maximumFractionDigits: 4 });
  const number = (value) => value.toLocaleString("en", { maximumSignificantDigits: 5 });
  const measured = (value, unit) => unit === "fraction" ? `${number(100 * value)} %` : number(value);
  const told = (trial) => [
    ["why", trial.reason],
    ["scores", data.metrics.filter(([name]) => name in trial.scores)
      .map(([name, title, unit]) => `${title} ${measured(trial.scores[name], unit)}`).join("; ")],
    ["seconds", Object.entries(trial.seconds).map(([k, s]) => `${k} ${number(s)}`).join("; ")],
    ["peak memory", trial.memory ? `${number(trial.memory / 2 ** 20)} MiB` : ""],
    ["epochs", trial.epochs ? String(trial.epochs) : ""],
    ["options in force", data.options[trial.options], "pre"],
    ["chosen while running", trial.notes],
    ["seed", trial.seed],
    ["device", trial.device],
    ["settings", trial.settings],
    ["other work", trial.disturbed],
    ["confined by", trial.confined],
    ["machine", data.environments[trial.environment], "pre"],
    ["run", trial.run],
    ["key", trial.key],
    ["run it again", trial.rerun, "pre"],
    ["end of the log", trial.log, "pre"],
  ];
  const story = (trial) => {
    const made = element("dl");
    for (const [name, text, kind] of told(trial)) {
      if (!text) continue;
      const value = element("dd");
      const inner = kind ? element(kind, text) : document.createTextNode(text);
      value.append(inner);
      made.append(element("dt", name), value);
    }
    return made;
  };
  const line = (trial) => {
    const made = element("details", "", "trial");
    const head = element("summary");
    const [name] = data.metrics[0];
    const repeat = trial.repeat ? `, repeat ${trial.repeat}` : "";
    head.append(element("span", trial.model), element("span", trial.stage),
      element("span", `fold ${trial.fold}, fit ${trial.fit}${repeat}`),
      trial.status === "ok"
        ? element("span", name in trial.scores ? score(trial.scores[name]) : "no score")
        : element("span", trial.status, "failed"));
    made.append(head);
    made.addEventListener("toggle", () => {
      if (made.open && made.childElementCount === 1) made.append(story(trial));
    });
    return made;
  };
  const STEP = 25;
  let found = [];
  let shown = 0;
  const showMore = () => {
    list.append(...found.slice(shown, shown + STEP).map(line));
    shown = Math.min(found.length, shown + STEP);
    more.hidden = shown >= found.length;
    document.getElementById("trial-count").value = `${shown} of ${found.length} shown`;
  };
  const find = () => {
    const part = search.value.toLowerCase();
    const text = (t) => `${t.model} ${t.stage} ${t.fold} ${t.reason || ""}`.toLowerCase();
    found = data.trials.filter(
      (t) => (!status.value || t.status === status.value) && text(t).includes(part));
    shown = 0;
    list.replaceChildren();
    showMore();
  };
  status.addEventListener("input", find);
  search.addEventListener("input", find);
  more.addEventListener("click", showMore);
  document.getElementById("trial-filters").addEventListener("submit", (e) => e.preventDefault());
  find();
})();
