// Charts with Apache ECharts, which is loaded when the first chart is drawn.

import { drawable, h, number } from "./dom.js";
import { color, onTheme } from "./theme.js";

let library;

/** A chart with a title. draw(data) returns the options; show() takes words for people who cannot see the chart. */
export function chart(title, draw, { wide = false } = {}) {
  const note = h("span");
  const canvas = h("div", { class: "canvas", role: "img", "aria-label": title });
  const element = h("figure", { class: `chart${wide ? " wide" : ""}`, style: "margin:0" }, h("h3", {}, title, note), canvas);
  let drawn;
  let data;

  async function paint() {
    library ??= import("./echarts/echarts.esm.min.js");
    const echarts = await library;
    if (!element.isConnected || data === undefined) return;
    drawn ??= echarts.init(canvas, null, { renderer: "canvas" });
    drawn.setOption({ ...common(), ...draw(data) }, true);
    canvas.dataset.drawn = String((Number(canvas.dataset.drawn) || 0) + 1);
  }
  onTheme(() => drawn && paint());
  new ResizeObserver(() => drawn?.resize()).observe(canvas);
  return {
    element,
    show(newData, words = "") {
      data = newData;
      note.textContent = words;
      canvas.setAttribute("aria-label", `${title}${words ? `: ${words}` : ""}`);
      // Elements are added to the page in the same turn, after this.
      queueMicrotask(paint);
    },
  };
}

function common() {
  return {
    animation: false,
    textStyle: { fontFamily: "system-ui, sans-serif" },
    grid: { left: 8, right: 16, top: 16, bottom: 8, containLabel: true },
    color: [color("accent"), color("good"), color("bad")],
  };
}

export function axis(name, values, options = {}) {
  const category = values.some((value) => typeof value !== "number" && value != null);
  return {
    name,
    nameLocation: "middle",
    nameGap: 26,
    type: category ? "category" : "value",
    scale: true,
    axisLabel: { color: color("soft"), hideOverlap: true },
    nameTextStyle: { color: color("soft") },
    axisLine: { lineStyle: { color: color("line") } },
    splitLine: { lineStyle: { color: color("line") } },
    ...(category ? { data: [...new Set(values.map(String))] } : {}),
    ...options,
  };
}

function tooltip(options = {}) {
  return {
    backgroundColor: color("panel"),
    borderColor: color("line"),
    textStyle: { color: color("text") },
    confine: true,
    ...options,
  };
}

/** Since when a curve has no number, in words; empty: it always has one. */
export function divergence(points) {
  const [step, value] = points.find(([, one]) => drawable(one) == null) ?? [];
  return value === undefined ? "" : `, ${value} at step ${step}`;
}

/** A value over steps: [[step, value], ...]. */
export function lineOptions(points) {
  return {
    tooltip: tooltip({ trigger: "axis", valueFormatter: number }),
    xAxis: axis("step", [0]),
    yAxis: axis("", [0]),
    series: [{ type: "line", data: points.map(([step, value]) => [step, drawable(value)]), connectNulls: false,
      showSymbol: points.length < 40, sampling: "lttb" }],
  };
}

/** Points [x, y, name]; the best one is highlighted. */
export function scatterOptions({ x, y, points, best }) {
  const horizontal = axis(x, points.map((point) => point[0]));
  const mark = (point) => (horizontal.type === "category" ? [String(point[0]), ...point.slice(1)] : point);
  return {
    grid: { left: 8, right: 16, top: 16, bottom: 28, containLabel: true },
    tooltip: tooltip({ formatter: ({ value }) => escape(`${value[2]}\n${x} ${number(value[0])}\n${y} ${number(value[1])}`) }),
    xAxis: horizontal,
    yAxis: axis("", [0]),
    series: [
      { type: "scatter", symbolSize: 7, data: points.filter((point) => point[2] !== best).map(mark), itemStyle: { opacity: 0.7 } },
      { type: "scatter", symbolSize: 14, symbol: "diamond", data: points.filter((point) => point[2] === best).map(mark) },
    ],
  };
}

/** One line per trial, through all its parameters to its metric. */
export function parallelOptions({ names, rows, bestIndex }) {
  const values = (index) => rows.map((row) => row[index]);
  const line = { width: 1, opacity: rows.length > 100 ? 0.25 : 0.6 };
  return {
    parallel: { left: 40, right: 60, top: 30, bottom: 20 },
    parallelAxis: names.map((name, dim) => ({
      ...axis(name, values(dim)),
      dim,
      nameLocation: "end",
      nameGap: 12,
    })),
    series: [
      { type: "parallel", data: rows.filter((_, index) => index !== bestIndex).map(strings(names, values)), lineStyle: line },
      { type: "parallel", data: rows.filter((_, index) => index === bestIndex).map(strings(names, values)), lineStyle: { width: 3, opacity: 1 } },
    ],
  };
}

function strings(names, values) {
  const category = names.map((_, index) => values(index).some((value) => typeof value !== "number" && value != null));
  return (row) => row.map((value, index) => (category[index] ? String(value) : value));
}

/** A metric over runs: labels, and values, some of which may be missing. */
export function historyOptions({ labels, values }) {
  return {
    tooltip: tooltip({ trigger: "axis", valueFormatter: (value) => (value == null ? "none" : number(value)) }),
    xAxis: axis("", [""], { type: "category", data: labels }),
    yAxis: axis("", [0]),
    series: [{ type: "line", data: values.map(drawable), connectNulls: false, symbolSize: 5, sampling: "lttb" }],
  };
}

// The text of a tooltip is markup.
function escape(text) {
  const replaced = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\n": "<br>" };
  return text.replace(/[&<>"\n]/g, (character) => replaced[character]);
}
