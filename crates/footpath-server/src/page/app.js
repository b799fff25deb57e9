// The page: a search, a list with its reasons, and a picture of the graph. Whatever comes from the data is set as text
// and never as markup.

import { Picture } from "/page/picture.js";

const by = (id) => document.getElementById(id);
const state = { node: "", rules: "", hide: "", set: "", k: "10", other: "", models: "", why: "" };
const picture = new Picture(by("graph"), { unfold, tellEdge });
let asked = 0;
let shown = 0;

/** An element with text and children. */
function make(tag, { text, className, ...attributes } = {}, ...children) {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  if (className) element.className = className;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Asks the server; a problem is thrown with its words. */
async function ask(path, body) {
  const headers = {};
  const token = sessionStorage.getItem("token");
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body) headers["Content-Type"] = "application/json";
  const options = { headers, method: body ? "POST" : "GET", body: body && JSON.stringify(body) };
  const response = await fetch(path, options);
  const answer = await response.json();
  if (response.ok) return answer;
  if (response.status === 401) by("token-form").hidden = false;
  const problem = new Error([answer.detail, answer.hint].filter(Boolean).join(" — "));
  problem.position = answer.position;
  throw problem;
}

function tell(text) {
  by("message").textContent = text;
}

// What is shown stands in the address, so that it can be shared.

function readAddress() {
  const given = new URLSearchParams(location.search);
  for (const name of Object.keys(state)) state[name] = given.get(name) ?? (name === "k" ? "10" : "");
  for (const name of ["rules", "hide", "k", "other", "why"]) by(name).value = state[name];
  // What is not to be had here is not asked for.
  for (const name of ["set", "models"]) {
    by(name).value = state[name];
    if (by(name).selectedIndex < 0 || by(name).parentElement.hidden) state[name] = by(name).value = "";
  }
}

function writeAddress(push) {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(state)) {
    if (value && !(name === "k" && value === "10")) given.set(name, value);
  }
  const address = `${location.pathname}${given.size ? "?" : ""}${given}`;
  if (push) history.pushState(null, "", address);
  else history.replaceState(null, "", address);
}

// The search.

const suggestions = by("suggestions");
let pending;

by("search").addEventListener("input", () => {
  clearTimeout(pending);
  pending = setTimeout(suggest, 120);
});

async function suggest() {
  clearTimeout(pending);
  pending = undefined;
  const query = by("search").value.trim();
  if (!query) return showSuggestions([]);
  const number = ++asked;
  try {
    const { hits } = await ask(`/v1/search?limit=12&q=${encodeURIComponent(query)}`);
    if (number === asked) showSuggestions(hits);
  } catch (error) {
    tell(error.message);
  }
}

function showSuggestions(hits) {
  suggestions.replaceChildren(...hits.map((hit, place) => {
    const option = make("li", { role: "option", id: `option-${place}`, "aria-selected": "false" }, hit.label, " ",
      make("span", { className: "kind", text: `${hit.type} · ${hit.node}` }));
    option.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      choose(hit.node);
    });
    option.dataset.node = hit.node;
    return option;
  }));
  suggestions.hidden = hits.length === 0;
  by("search").setAttribute("aria-expanded", String(hits.length > 0));
  by("search").removeAttribute("aria-activedescendant");
}

by("search").addEventListener("keydown", (event) => {
  const options = [...suggestions.children];
  const at = options.findIndex((option) => option.getAttribute("aria-selected") === "true");
  if (event.key === "Escape") return showSuggestions([]);
  if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
  event.preventDefault();
  if (!options.length) return;
  const step = event.key === "ArrowDown" ? 1 : -1;
  const next = (at + step + options.length + (at < 0 && step < 0 ? 1 : 0)) % options.length;
  options.forEach((option, place) => option.setAttribute("aria-selected", String(place === next)));
  options[next].scrollIntoView({ block: "nearest" });
  by("search").setAttribute("aria-activedescendant", options[next].id);
});

by("search").addEventListener("blur", () => showSuggestions([]));

by("search-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  // What was found for the first letters is not what the whole word means.
  if (pending) await suggest();
  const chosen = suggestions.querySelector('[aria-selected="true"]') ?? suggestions.firstElementChild;
  if (chosen) return choose(chosen.dataset.node);
  const text = by("search").value.trim();
  // What the graph does not have may be a user who is new.
  if (text) choose(/^(user|item|entity):/.test(text) ? text : `user:${text}`);
});

function choose(node) {
  showSuggestions([]);
  by("search").value = "";
  state.node = node;
  state.why = "";
  by("why").value = "";
  by("why-answer").replaceChildren();
  writeAddress(true);
  show();
}

// Lists.

function rules() {
  const { rules, hide, set } = state;
  return { ...(rules && { rules }), ...(hide && { hide }), ...(set && { rule_set: set }) };
}

/** The models whose lists are shown. */
function models() {
  return state.models === "both" ? ["main", "beside"] : [state.models || "main"];
}

/** The lists that are shown side by side: of each user by each model. */
function columns() {
  const users = [state.node.slice("user:".length), ...(state.other ? [state.other] : [])];
  return users.flatMap((user) => models().map((model) => ({ user, model })));
}

async function recommend({ user, model }) {
  const body = { users: [user], model, k: Number(state.k) || 10, proof: true, ...rules() };
  return (await ask("/v1/recommendations", body)).lists[0];
}

async function show() {
  const number = ++shown;
  by("rules-error").textContent = "";
  by("detail").replaceChildren();
  by("list").replaceChildren();
  by("columns").replaceChildren(by("list"));
  by("list-title").textContent = "Recommendations";
  if (!state.node) return tell("Search for a user, an item, or anything in the graph.");
  tell("…");
  picture.clear();
  if (!state.node.startsWith("user:")) {
    tell("");
    by("list").replaceChildren(make("p", { className: "note",
      text: "Lists are for users; the graph shows this node. Search for a user to see a list." }));
    return unfold(state.node);
  }
  let failed = "";
  try {
    const asking = columns();
    const lists = await Promise.all(asking.map(recommend));
    // Something else may have been asked for meanwhile.
    if (number !== shown) return;
    by("list-title").textContent = `Recommendations for ${asking[0].user}`;
    showLists(asking, lists);
  } catch (error) {
    if (number !== shown) return;
    failed = error.message;
  }
  tell("");
  by("rules-error").textContent = failed;
  if (state.why) explain();
}

function showLists(asking, lists) {
  const places = new Map(lists[0].items.map((item) => [item.item, item.rank]));
  lists.forEach((list, column) => {
    const place = column ? make("div", { className: "beside" }) : by("list");
    by("columns").append(place);
    showList(place, list, asking[column].model, column ? places : undefined);
  });
  drawList(lists[0]);
}

/** A list; of one beside the first, with the place that each item has in the first. */
function showList(place, list, model, places) {
  const entries = make("ol");
  const best = Math.max(...list.items.map((item) => item.score ?? -Infinity));
  for (const item of list.items) entries.append(entry(item, best, list, places));
  const which = state.models === "both" ? `, by the model ${model}` : "";
  const about = list.basis === "popular"
    ? `Nothing is known of ${list.user}: this is what most have chosen.`
    : `For ${list.user}${which}, by paths${list.proven ? "; the order is proven" : ""}.`;
  place.replaceChildren(make("p", { className: "note", text: about }), entries);
  if (list.reason) place.append(make("p", { className: "note", text: list.reason }));
}

function drawList(list) {
  for (const item of list.items.slice(0, 6)) if (item.path) picture.addPath(item.path);
  const popular = list.basis === "popular" ? list.items.slice(0, 6) : [];
  popular.forEach((item) => picture.addNode(`item:${item.item}`, item.label));
  picture.settle();
}

function entry(item, best, list, places) {
  const title = make("button", { type: "button", text: `${item.rank}. ${item.label}` });
  const parts = make("li", { className: "entry" }, title);
  if (places) {
    const there = places.get(item.item);
    const text = there ? `place ${there} in the first list` : "not in the first list";
    parts.append(make("span", { className: "note place", text }));
  }
  if (item.path) parts.append(make("p", { text: item.path.text }));
  if (item.popularity !== undefined) parts.append(make("p", { text: `chosen by ${item.popularity} users` }));
  if (item.parts) parts.append(bars(item, best));
  title.addEventListener("click", () => {
    document.querySelectorAll(".entry.chosen").forEach((other) => other.classList.remove("chosen"));
    parts.classList.add("chosen");
    picture.clear();
    if (item.path) [item.path, ...(item.more_paths ?? [])].forEach((path) => picture.addPath(path));
    else picture.addNode(`item:${item.item}`, item.label);
    picture.settle();
    if (list.basis === "paths") {
      by("why").value = item.item;
    }
  });
  return parts;
}

/** What the score is made of: the longer the bar, the better; each part takes its share of what is lost. */
function bars(item, best) {
  const { paths, beside_paths: beside } = item.parts;
  const bar = make("div", { className: "bars", role: "img",
    "aria-label": `score ${item.score.toFixed(2)}: paths ${paths.toFixed(2)}, beside paths ${beside.toFixed(2)}` });
  const worth = 100 * Math.exp((item.score - best) / 4);
  const share = paths + beside === 0 ? 0.5 : paths / (paths + beside);
  for (const [name, width] of [["paths", worth * share], ["beside", worth * (1 - share)]]) {
    const part = make("span", { className: name });
    part.style.width = `${Math.max(0, width)}%`;
    bar.append(part);
  }
  const words = `score ${item.score.toFixed(2)} = paths ${paths.toFixed(2)} + beside paths ${beside.toFixed(2)}; ` +
    `${item.num_paths} paths, the best has ${(100 * item.confidence).toFixed(0)} % of them`;
  return make("div", {}, bar, make("span", { className: "note", text: words }));
}

by("rules-form").addEventListener("submit", (event) => {
  event.preventDefault();
  for (const name of ["rules", "hide", "k", "other", "set", "models"]) state[name] = by(name).value.trim();
  writeAddress(true);
  show();
});
for (const name of ["set", "models"]) {
  by(name).addEventListener("change", () => by("rules-form").requestSubmit());
}

// Rules are looked at as they are written.
let ruling;
for (const name of ["rules", "hide"]) {
  by(name).addEventListener("input", () => {
    clearTimeout(ruling);
    ruling = setTimeout(() => by("rules-form").requestSubmit(), 500);
  });
}

// Why this, why not?

by("why-form").addEventListener("submit", (event) => {
  event.preventDefault();
  state.why = by("why").value.trim();
  writeAddress(true);
  explain();
});

async function explain() {
  const place = by("why-answer");
  if (!state.why || !state.node.startsWith("user:")) {
    place.replaceChildren(make("p", { text: "Choose a user, and write the id of an item." }));
    return;
  }
  const user = state.node.slice("user:".length);
  const asked = { user, item: state.why, why_not: true, proof: true, paths: 5, ...rules() };
  try {
    const answers = await Promise.all(models().map((model) => ask("/v1/explanations", { ...asked, model })));
    const whys = answers.map((answer) => answer.explanations[0]);
    place.replaceChildren(...whys.flatMap((why, number) => explanation(why, models()[number])));
    if (whys.every((why) => why.paths.length === 0)) return;
    picture.clear();
    whys.forEach((why) => why.paths.forEach((path) => picture.addPath(path)));
    picture.settle();
  } catch (error) {
    place.replaceChildren(make("p", { className: "error", text: error.message }));
  }
}

/** What one model says of an item: its place or what keeps it out, and the paths to it. */
function explanation(why, model) {
  const which = state.models === "both" ? ` (model ${model})` : "";
  const verdict = make("p", { className: "verdict", text: `${why.label}${which}: ${why.standing.text}.` });
  const paths = make("ul", {}, ...why.paths.map((path) => make("li", { text: path.text })));
  return [verdict, paths, ...(why.reason ? [make("p", { className: "note", text: why.reason })] : [])];
}

// The picture.

async function unfold(node) {
  try {
    const answer = await ask(`/v1/nodes/${encodeURIComponent(node)}?limit=6`);
    picture.addNode(answer.node, answer.label);
    const relations = make("ul");
    for (const relation of answer.relations) {
      for (const neighbour of relation.neighbours) {
        picture.addNode(neighbour.node, neighbour.label);
        picture.addEdge(answer.node, neighbour.node, relation.relation, relation.reading, neighbour);
      }
      relations.append(relationEntry(answer, relation));
    }
    by("detail").replaceChildren(
      make("h3", { text: answer.label }),
      make("p", { className: "note", text: `${answer.type} · ${answer.node} · ${answer.degree} edges` }),
      relations,
    );
    picture.choose(answer.node);
    picture.settle();
  } catch (error) {
    tell(error.message);
  }
}

function relationEntry(node, relation) {
  const entry = make("li", {}, `${relation.reading} (${relation.count}) `);
  const add = (neighbour) => {
    const button = make("button", { type: "button", text: neighbour.label });
    button.addEventListener("click", () => unfold(neighbour.node));
    entry.append(button);
  };
  relation.neighbours.forEach(add);
  let next = relation.next_offset;
  if (next === undefined) return entry;
  const more = make("button", { type: "button", text: "more …" });
  more.addEventListener("click", async () => {
    const query = `relation=${encodeURIComponent(relation.relation)}&limit=20&offset=${next}`;
    const page = (await ask(`/v1/nodes/${encodeURIComponent(node.node)}?${query}`)).relations[0];
    page.neighbours.forEach(add);
    next = page.next_offset;
    if (next === undefined) more.remove();
    else entry.append(more);
  });
  entry.append(more);
  return entry;
}

function tellEdge(edge) {
  const where = edge.line ? `${edge.file}, line ${edge.line}` : edge.file || "no file";
  by("detail").replaceChildren(
    make("h3", { text: `${edge.fromLabel} ${edge.reading} ${edge.toLabel}` }),
    make("p", { className: "note", text: `${edge.relation} · this fact stands in ${where}` }),
  );
}

// Light and dark.

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  by("theme").textContent = theme === "dark" ? "Light" : "Dark";
}
by("theme").addEventListener("click", () => {
  const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  localStorage.setItem("theme", theme);
  setTheme(theme);
});
setTheme(localStorage.getItem("theme") ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"));

by("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("token", by("token").value.trim());
  by("token-form").hidden = true;
  begin();
});

async function begin() {
  try {
    const summary = await ask("/v1/graph/summary");
    by("set").replaceChildren(make("option", { value: "", text: "none" }),
      ...summary.rule_sets.map((name) => make("option", { value: name, text: name })));
    by("models-field").hidden = !summary.beside;
    const beside = summary.beside ? ` and ${summary.beside.slice(0, 12)} beside it` : "";
    const counts = summary.types.map((type) => `${type.count} ${type.name}`).join(", ");
    by("summary").textContent =
      `${counts}; ${summary.facts} facts. Model ${summary.model.slice(0, 12)}${beside} of graph ` +
      `${summary.graph.slice(0, 12)}, paths ${summary.pattern}`;
  } catch (error) {
    tell(error.message);
    return;
  }
  readAddress();
  show();
}

addEventListener("popstate", () => {
  readAddress();
  show();
});
begin();
