// The trials of a sweep.

import { drawable, h, number, partUrl, seconds, section, sortableTable } from "./dom.js";
import { chart, parallelOptions, scatterOptions } from "./charts.js";
import { source } from "./refresh.js";

export function sweep(query) {
  const data = source(`task/trials?${query}`);
  const notice = section((text) => (text ? h("p", { class: "notice" }, text) : null));
  const summary = section((text) => h("p", {}, text));
  const place = h("div");
  const element = h("section", { hidden: true }, h("h2", {}, "Trials"), notice.element, summary.element, place);
  let view;
  let shown;
  return {
    element,
    async update() {
      const answer = await data();
      element.hidden = false;
      notice.show(answer.notice);
      summary.show(inWords(answer));
      const names = JSON.stringify([answer.params, answer.metrics]);
      if (view?.names !== names) {
        view = { names, ...trialsView(query, answer.params, answer.metrics) };
        place.replaceChildren(...view.elements);
        shown = undefined;
      }
      if (shown !== answer) view.show(answer);
      shown = answer;
    },
  };
}

function inWords({ rows, best, metrics, goal }) {
  const counts = new Map();
  for (const [, status] of rows) counts.set(status, (counts.get(status) ?? 0) + 1);
  const states = [...counts].map(([status, count]) => `${count} ${status}`).join(", ");
  const row = rows.find(([name]) => name === best);
  const lead = row ? ` The best is ${best}: ${metrics[0]} ${number(row[4][0])} (${goal}).` : "";
  return `${rows.length} trials${states ? `: ${states}` : ""}.${lead}`;
}

function trialsView(query, params, metrics) {
  const metric = metrics[0];
  let best;
  const table = sortableTable("Trials", [
    { title: "Trial", value: ([name]) => trialNumber(name), show: ([name]) => h("a", { href: partUrl(query, name) }, shortName(name)), number: true },
    { title: "Status", value: (row) => row[1] },
    ...metrics.map((title, index) => ({ title, value: (row) => row[4][index], show: (row) => number(row[4][index]), number: true })),
    ...params.map((title, index) => ({ title, value: (row) => row[3][index], show: (row) => number(row[3][index]), number: true })),
    { title: "Time", value: (row) => row[2], show: (row) => seconds(row[2]), number: true },
  ], { rowClass: ([name]) => (name === best ? "best" : null) });
  const overTrials = metric && chart(`${metric} over trials`, scatterOptions, { wide: true });
  const scatters = metric ? params.map((name) => [name, chart(`${metric} by ${name}`, scatterOptions)]) : [];
  const parallel = metric && params.length && chart("Parameters and metric of each trial", parallelOptions, { wide: true });

  function show(answer) {
    best = answer.best;
    table.show(answer.rows);
    if (!metric) return;
    const rows = answer.rows.filter((row) => drawable(row[4][0]) != null);
    overTrials.show({ x: "trial", y: metric, best, points: rows.map((row) => [trialNumber(row[0]), row[4][0], row[0]]) });
    scatters.forEach(([name, one], index) =>
      one.show({ x: name, y: metric, best, points: rows.map((row) => [row[3][index], row[4][0], row[0]]) }));
    if (parallel) {
      parallel.show({
        names: [...params, metric],
        rows: rows.map((row) => [...row[3], row[4][0]]),
        bestIndex: rows.findIndex(([name]) => name === best),
      });
    }
  }
  const charts = [overTrials, parallel, ...scatters.map(([, one]) => one)].filter(Boolean);
  return { show, elements: [table.element, h("div", { class: "charts", style: "margin-top:12px" }, charts.map((one) => one.element))] };
}

function trialNumber(name) {
  const digits = /_(\d+)$/.exec(name);
  return digits ? Number(digits[1]) : name;
}

function shortName(name) {
  return /_(\d+)$/.exec(name)?.[1] ?? name;
}
