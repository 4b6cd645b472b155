// The steps of a pipeline: as a graph, which the server has laid out, and as a table.

import { badge, h, partUrl, seconds, section, sortableTable } from "./dom.js";
import { source } from "./refresh.js";

const BOX = { width: 190, height: 54 };
const GAP = { x: 60, y: 14 };
const MAX_NAMED = 5;

export function steps(query) {
  const data = source(`task/steps?${query}`);
  const notice = section((text) => (text ? h("p", { class: "notice" }, text) : null));
  const summary = section((rows) => inWords(rows, query));
  const graph = graphView(query);
  const table = sortableTable("Steps", [
    { title: "Status", value: (row) => row.urgency, show: (row) => badge(row.status, row.outcome) },
    { title: "Step", value: (row) => row.name, show: (row) => stepLink(row, query) },
    { title: "Time", value: time, show: (row) => seconds(time(row)), number: true },
    { title: "Type", value: (row) => row.type },
    { title: "Reused", value: (row) => (row.reused ? "reused" : "") },
  ]);
  const element = h("section", { hidden: true }, h("h2", {}, "Steps"), notice.element, summary.element, graph.element, table.element);
  return {
    element,
    async update() {
      const answer = await data();
      const rows = answer.rows.map(([name, type, run, status, outcome, urgency, took, started, reused]) =>
        ({ name, type, run, status, outcome, urgency, took, started, reused }));
      element.hidden = !rows.length && !answer.notice;
      notice.show(answer.notice);
      summary.show(rows);
      table.element.hidden = !rows.length;
      table.show(rows);
      graph.show(rows, answer.drawing);
    },
  };
}

/** Seconds that a step took, or has taken. */
function time(row) {
  return row.took ?? (row.started == null ? null : Date.now() / 1000 - row.started);
}

function stepLink(row, query) {
  return row.run ? h("a", { href: partUrl(query, row.run) }, row.name) : row.name;
}

function inWords(rows, query) {
  const done = rows.filter((row) => row.outcome === "succeeded").length;
  const reused = rows.filter((row) => row.reused).length;
  const failed = rows.filter((row) => row.outcome === "failed");
  const words = `${done} of ${rows.length} steps done${reused ? `, ${reused} of them reused from earlier runs` : ""}.`;
  const names = failed.slice(0, MAX_NAMED).flatMap((row, index) => [index ? ", " : "", stepLink(row, query)]);
  const more = failed.length - MAX_NAMED;
  return [
    failed.length ? h("p", { class: "failed" }, "Failed: ", names, more > 0 ? ` and ${more} more` : "") : null,
    h("p", {}, words),
  ];
}

/** Boxes stay the same elements while their steps run, so that the focus stays where it is. */
function graphView(query) {
  const plane = h("div", { class: "plane" });
  const element = h("div", { class: "scroll graph", role: "group", hidden: true,
    "aria-label": "Graph of the steps: the arrow keys go from one to the next", onkeydown: move });
  element.append(plane);
  let shape;
  let boxes = [];

  function move(event) {
    const place = boxes.indexOf(document.activeElement);
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (place < 0 || !way) return;
    event.preventDefault();
    const next = nearest(shape.places, place, way, (other) => boxes[other].href);
    if (next == null) return;
    boxes[place].tabIndex = -1;
    boxes[next].tabIndex = 0;
    boxes[next].focus();
  }

  return {
    element,
    show(rows, drawing) {
      element.hidden = !drawing;
      if (!drawing) return;
      const first = !shape;
      if (JSON.stringify(shape) !== JSON.stringify(drawing) || boxes.length !== rows.length) {
        shape = drawing;
        plane.style.cssText = `width:${left(drawing.columns) - GAP.x}px;height:${drawing.rows * (BOX.height + GAP.y)}px`;
        boxes = drawing.places.map(([column, row]) => h("a", {
          class: "box", tabindex: "-1", style: `left:${left(column)}px;top:${middle(row) - BOX.height / 2}px` }));
        plane.replaceChildren(lines(drawing), ...boxes);
      }
      rows.forEach((row, index) => fill(boxes[index], row, query));
      const worst = rows.findIndex((row) => row.outcome === "failed" && row.run);
      const entry = worst < 0 ? rows.findIndex((row) => row.run) : worst;
      // Without links in it, only so can the keyboard scroll it.
      element.tabIndex = entry < 0 ? 0 : -1;
      if (entry >= 0 && !boxes.some((box) => box.href && box.tabIndex === 0)) boxes[entry].tabIndex = 0;
      if (first && worst >= 0) reveal(element, drawing.places[worst]);
    },
  };
}

const left = (column) => column * (BOX.width + GAP.x);
const middle = (row) => row * (BOX.height + GAP.y);

function fill(box, row, query) {
  if (row.run) box.href = partUrl(query, row.run);
  box.className = `box ${row.outcome ?? "unknown"}`;
  const texts = [row.name, [row.status, row.reused ? "reused" : seconds(time(row))].filter(Boolean).join(" · ")];
  if (box.title === texts.join("\n")) return;
  box.title = texts.join("\n");
  box.replaceChildren(h("b", {}, texts[0]), h("span", {}, texts[1]));
}

/** Scroll a failed step into view, but not the page. */
function reveal(element, [column, row]) {
  element.scrollTo(left(column) - (element.clientWidth - BOX.width) / 2, middle(row) - element.clientHeight / 2);
}

/** The nearest place in a direction: of another column, or above and below in the same one. */
function nearest(places, from, [x, y], isLink) {
  const [column, row] = places[from];
  let best = null;
  let least = Infinity;
  places.forEach(([otherColumn, otherRow], index) => {
    const [dx, dy] = [otherColumn - column, otherRow - row];
    const ahead = x ? dx * x > 0 : dx === 0 && dy * y > 0;
    const far = 100 * Math.abs(dx) + Math.abs(dy);
    if (ahead && far < least && isLink(index)) [best, least] = [index, far];
  });
  return best;
}

function lines({ columns, rows, lines: all }) {
  const image = (tag, attributes) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  };
  const svg = image("svg", { width: left(columns) - GAP.x, height: middle(rows), "aria-hidden": "true" });
  for (const points of all) svg.append(image("path", { d: path(points) }));
  return svg;
}

/** A line through the gaps between columns, straight where it passes one. */
function path(points) {
  let d = "";
  points.forEach(([column, row], index) => {
    const [x, y] = [left(column), middle(row)];
    if (!index) d = `M${x + BOX.width} ${y}`;
    else {
      d += ` C${x - GAP.x / 2} ${middle(points[index - 1][1])} ${x - GAP.x / 2} ${y} ${x} ${y}`;
      if (index < points.length - 1) d += ` H${x + BOX.width}`;
    }
  });
  return d;
}
