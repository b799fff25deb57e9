// A picture of a part of the graph: nodes that push each other away, edges that hold them together.

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 900;
const HEIGHT = 620;
const MAX_NODES = 150;
const STEPS = 260;
/** The longest words beside a node, in pixels of the screen. */
const WORDS = 230;

function draw(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function short(text, most) {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

export class Picture {
  constructor(svg, { unfold, tellEdge }) {
    this.svg = svg;
    this.unfold = unfold;
    this.tellEdge = tellEdge;
    this.clear();
    this.view = { x: 0, y: 0, width: WIDTH, height: HEIGHT };
    this.listen();
  }

  clear() {
    this.nodes = new Map();
    this.edges = new Map();
    this.chosen = null;
    this.unit = 1;
    this.svg.replaceChildren();
  }

  addNode(name, label) {
    const known = this.nodes.get(name);
    if (known || this.nodes.size >= MAX_NODES) return known;
    // The same nodes lie at the same places whenever they are drawn.
    const angle = this.nodes.size * 2.399963;
    const far = 18 * Math.sqrt(this.nodes.size + 1);
    const node = { name, label, kind: name.split(":")[0], x: WIDTH / 2 + far * Math.cos(angle),
      y: HEIGHT / 2 + far * Math.sin(angle) };
    this.nodes.set(name, node);
    return node;
  }

  /** An edge along a relation; one and the same fact is drawn once, from whichever end it is seen. */
  addEdge(from, to, relation, reading, { file, line }) {
    if (!this.nodes.has(from) || !this.nodes.has(to)) return;
    const inverse = relation.startsWith("~");
    const key = JSON.stringify(inverse ? [to, relation.slice(1), from] : [from, relation, to]);
    if (this.edges.has(key)) return;
    const [fromLabel, toLabel] = [from, to].map((name) => this.nodes.get(name).label);
    this.edges.set(key, { from, to, relation, reading, fromLabel, toLabel, file, line });
  }

  addPath(path) {
    path.nodes.forEach((name, place) => this.addNode(name, path.labels[place]));
    path.relations.forEach((relation, place) => {
      const fact = path.triples?.[place] ?? { file: "", line: 0 };
      const reading = relation.replace(/^~(.*)/, "← $1").replaceAll("_", " ");
      this.addEdge(path.nodes[place], path.nodes[place + 1], relation, reading, fact);
    });
  }

  choose(name) {
    this.chosen = name;
  }

  /** Lets forces move the nodes until they hardly do, then draws. */
  settle() {
    const nodes = [...this.nodes.values()];
    const ideal = Math.min(150, 560 / Math.sqrt(nodes.length || 1));
    for (let step = 0; step < STEPS; step++) {
      const heat = 18 * (1 - step / STEPS);
      for (const node of nodes) [node.dx, node.dy] = [(WIDTH / 2 - node.x) * 0.01, (HEIGHT / 2 - node.y) * 0.014];
      for (let i = 0; i < nodes.length; i++) {
        for (let j = i + 1; j < nodes.length; j++) push(nodes[i], nodes[j], ideal);
      }
      for (const { from, to } of this.edges.values()) pull(this.nodes.get(from), this.nodes.get(to), ideal);
      for (const node of nodes) {
        const length = Math.hypot(node.dx, node.dy) || 1;
        node.x += (node.dx / length) * Math.min(length, heat);
        node.y += (node.dy / length) * Math.min(length, heat);
      }
    }
    this.fit(nodes);
    this.paint();
  }

  /** Shows all of it. */
  fit(nodes) {
    if (!nodes.length) return;
    const xs = nodes.map((node) => node.x);
    const ys = nodes.map((node) => node.y);
    const [left, top] = [Math.min(...xs) - 40, Math.min(...ys) - 40];
    const [width, height] = [Math.max(Math.max(...xs) - left, 200), Math.max(Math.max(...ys) + 50 - top, 280)];
    // Words stand to the right of the last node, too, and are as long on the screen however much is shown.
    const { clientWidth = WIDTH, clientHeight = HEIGHT } = this.svg;
    const words = Math.min(WORDS, 0.6 * clientWidth);
    const unit = Math.max(width / (clientWidth - words), height / clientHeight);
    this.view = { x: left, y: top, width: width + words * unit, height };
    this.look();
  }

  look() {
    const { x, y, width, height } = this.view;
    this.svg.setAttribute("viewBox", `${x} ${y} ${width} ${height}`);
    // Words and nodes have the same size on the screen however much of the graph is shown.
    const { clientWidth, clientHeight } = this.svg;
    this.unit = Math.max(width / (clientWidth || WIDTH), height / (clientHeight || HEIGHT));
    this.svg.style.setProperty("--unit", String(this.unit));
  }

  paint() {
    const focused = document.activeElement?.dataset?.name;
    const edges = [...this.edges.values()].map((edge) => this.edge(edge));
    const nodes = [...this.nodes.values()].map((node) => this.node(node));
    this.svg.replaceChildren(...edges, ...nodes);
    if (focused) nodes.find((node) => node.dataset.name === focused)?.focus();
  }

  edge(edge) {
    const [a, b] = [this.nodes.get(edge.from), this.nodes.get(edge.to)];
    const ends = { x1: a.x, y1: a.y, x2: b.x, y2: b.y };
    const middle = { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 - 3 * this.unit, "text-anchor": "middle" };
    const words = draw("text", { class: "relation", ...middle, "aria-hidden": "true" });
    words.textContent = short(edge.relation, 22);
    const title = draw("title", {});
    title.textContent = `${edge.fromLabel} ${edge.reading} ${edge.toLabel}`;
    const group = draw("g", { class: "edge", tabindex: "0", role: "button" }, title,
      draw("line", { class: "edge", ...ends }), draw("line", { class: "hit", ...ends }), words);
    return this.button(group, () => {
      this.mark(group);
      this.tellEdge(edge);
    });
  }

  node(node) {
    const place = { x: node.x + 11 * this.unit, y: node.y + 4 * this.unit };
    // Words are cut short; the name of the button is whole.
    const words = draw("text", { ...place, "aria-hidden": "true" });
    words.textContent = short(node.label, 28);
    const title = draw("title", {});
    title.textContent = `${node.label} (${node.name}), unfold`;
    const chosen = node.name === this.chosen ? " chosen" : "";
    const group = draw("g", { class: `node ${node.kind}${chosen}`, tabindex: "0", role: "button" },
      title, draw("circle", { cx: node.x, cy: node.y, r: 8 }), words);
    group.dataset.name = node.name;
    return this.button(group, () => this.unfold(node.name));
  }

  button(group, act) {
    group.addEventListener("click", () => {
      if (!this.dragged) act();
    });
    group.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      act();
    });
    return group;
  }

  mark(group) {
    this.svg.querySelectorAll("g.edge.chosen").forEach((other) => other.classList.remove("chosen"));
    group.classList.add("chosen");
  }

  listen() {
    let start = null;
    const scale = () => this.view.width / this.svg.clientWidth;
    this.svg.addEventListener("pointerdown", (event) => {
      start = { x: event.clientX, y: event.clientY, view: { ...this.view } };
      this.dragged = false;
    });
    addEventListener("pointermove", (event) => {
      if (!start) return;
      const [dx, dy] = [event.clientX - start.x, event.clientY - start.y];
      if (Math.hypot(dx, dy) < 5) return;
      this.dragged = true;
      this.view = { ...this.view, x: start.view.x - dx * scale(), y: start.view.y - dy * scale() };
      this.look();
    });
    addEventListener("pointerup", () => {
      start = null;
    });
    this.svg.addEventListener("wheel", (event) => {
      event.preventDefault();
      const factor = event.deltaY > 0 ? 1.15 : 1 / 1.15;
      const { x, y, width, height } = this.view;
      if (width * factor > 6000 || width * factor < 100) return;
      this.view = { x: x + (width * (1 - factor)) / 2, y: y + (height * (1 - factor)) / 2, width: width * factor,
        height: height * factor };
      this.look();
      this.paint();
    }, { passive: false });
  }
}

function push(a, b, ideal) {
  const [dx, dy] = [a.x - b.x || 0.01, a.y - b.y || 0.01];
  const square = dx * dx + dy * dy;
  const force = Math.min((ideal * ideal) / square, 20);
  a.dx += dx * force;
  a.dy += dy * force;
  b.dx -= dx * force;
  b.dy -= dy * force;
}

function pull(a, b, ideal) {
  const [dx, dy] = [a.x - b.x, a.y - b.y];
  const force = Math.hypot(dx, dy) / ideal;
  a.dx -= dx * force;
  a.dy -= dy * force;
  b.dx += dx * force;
  b.dy += dy * force;
}
