// Lists of jobs: of a DAG run, on one timeline; the newest of all DAGs; and a task over its last runs.

import { badge, drawable, h, moment, number, seconds, section, sortableTable } from "./dom.js";
import { chart, historyOptions } from "./charts.js";
import { repeat, source } from "./refresh.js";

export function runPage(main, query) {
  const data = source(`run/data?${query}`);
  const notice = section((text) => (text ? h("p", { class: "notice", role: "status" }, text) : null));
  const lanes = section(timeline);
  main.replaceChildren(h("h1", {}, "Azure ML jobs of this run"), notice.element, lanes.element);
  repeat(async () => {
    const answer = await data();
    main.setAttribute("aria-busy", "false");
    notice.show(answer.notice);
    lanes.show(answer.rows);
    return answer.poll;
  }, (problem) => notice.show(problem.message));
}

function timeline(rows) {
  if (!rows.length) return h("p", { class: "notice" }, "No task of this run has an Azure ML job, or none yet.");
  const now = Date.now() / 1000;
  const start = Math.min(...rows.map((row) => row.started));
  const end = Math.max(...rows.map((row) => row.ended ?? now), start + 1);
  const part = (time) => (100 * (time - start)) / (end - start);
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Jobs of this run" }, h("table", {},
    h("thead", {}, h("tr", {}, ["Task", "Status", "Time", "Main metrics", "From the first to the last"].map((title) =>
      h("th", { scope: "col" }, title)))),
    h("tbody", {}, rows.map((row) => {
      const until = row.started + (time(row) ?? 0);
      const bar = h("i", { class: row.outcome ?? "", style: `left:${part(row.started)}%;width:${part(until) - part(row.started)}%` });
      return h("tr", {},
        h("td", {}, taskLink(row)), h("td", {}, statusOf(row)),
        h("td", { class: "number" }, seconds(time(row))), h("td", {}, metricsText(row)),
        h("td", { style: "width:40%" }, h("div", { class: "lane" }, bar)));
    }))));
}

/** Seconds that the job took, or has taken; null if its end is not known. */
function time(row) {
  if (row.started == null || (row.ended == null && !row.active)) return null;
  return (row.ended ?? Date.now() / 1000) - row.started;
}

function taskLink(row) {
  const { dag_id: dag, run_id: run, task_id: task, map_index: map } = row.task;
  const query = new URLSearchParams({ dag_id: dag, run_id: run, task_id: task, map_index: map });
  return h("a", { href: `task?${query}` }, map >= 0 ? `${task} [${map}]` : task);
}

/** The status and, of a pipeline that failed, what became of its steps. */
function statusOf(row) {
  const { steps } = row;
  if (!steps) return badge(row.status, row.outcome);
  const failed = steps.failed.length ? `; failed: ${steps.failed.join(", ")}` : "";
  return h("span", {}, badge(row.status, row.outcome), " ", h("span", { class: "soft" }, `${steps.done} of ${steps.total} steps done${failed}`));
}

function metricsText(row) {
  return Object.entries(row.metrics).map(([name, value]) => `${name} ${number(value)}`).join(", ");
}

export function recentPage(main) {
  const filters = h("form", { class: "row", role: "search", onsubmit: (event) => event.preventDefault() });
  const notice = section((text) => (text ? h("p", { class: "notice", role: "status" }, text) : null));
  const charts = historyView();
  const table = sortableTable("Newest Azure ML jobs", [
    { title: "Created", value: (row) => row.started, show: (row) => moment(row.started) },
    { title: "DAG", value: (row) => row.task.dag_id },
    { title: "Task", value: (row) => row.task.task_id, show: taskLink },
    { title: "Status", value: (row) => row.status, show: statusOf },
    { title: "Time", value: time, show: (row) => seconds(time(row)), number: true },
    { title: "Experiment", value: (row) => row.experiment },
    { title: "Main metrics", value: metricsText },
    { title: "Last runs", value: () => 0, show: (row) => h("button", { type: "button", onclick: () => charts.open(row.task) }, "Show") },
  ], { down: true });
  const inputs = {
    dag_id: h("input", { name: "dag_id", placeholder: "DAG", "aria-label": "DAG", list: "dags" }),
    state: h("select", { name: "state", "aria-label": "State of the task" }, h("option", { value: "" }, "Any state"),
      ["running", "deferred", "success", "failed", "up_for_retry"].map((state) => h("option", { value: state }, state))),
    experiment: h("input", { name: "experiment", placeholder: "Experiment", "aria-label": "Experiment" }),
  };
  filters.append(...Object.values(inputs), h("datalist", { id: "dags" }));
  main.replaceChildren(h("h1", {}, "Azure ML jobs"), h("div", { style: "margin:12px 0" }, filters), notice.element, table.element, charts.element);

  let data = source("recent/data");
  const again = repeat(async () => {
    const answer = await data();
    main.setAttribute("aria-busy", "false");
    const known = new Set(answer.rows.map((row) => row.task.dag_id));
    if (![...Object.values(inputs)].some((input) => input.value)) {
      filters.querySelector("datalist").replaceChildren(...[...known].map((dag) => h("option", { value: dag })));
    }
    notice.show(answer.notice ?? (answer.rows.length ? null : "The DAGs that you may see have no such jobs."));
    table.show(answer.rows);
    return answer.poll;
  }, (problem) => notice.show(problem.message));
  filters.addEventListener("change", () => {
    const query = new URLSearchParams(Object.entries(inputs).map(([name, input]) => [name, input.value.trim()]));
    data = source(`recent/data?${query}`);
    again();
  });
}

function historyView() {
  const title = h("h2", { tabindex: "-1" });
  const grid = h("div", { class: "charts" });
  const element = h("section", { hidden: true, "aria-live": "polite" }, title, grid);
  return {
    element,
    async open({ dag_id: dag, task_id: task }) {
      element.hidden = false;
      title.textContent = `${dag}.${task}: the last runs`;
      try {
        const answer = await source(`history/data?${new URLSearchParams({ dag_id: dag, task_id: task })}`)();
        const labels = answer.runs.map(([run, , made]) => moment(made) || run);
        const charts = Object.entries(answer.metrics).map(([name, values]) => {
          const one = chart(name, historyOptions);
          const known = values.filter((value) => value != null);
          const numbers = known.filter((value) => drawable(value) != null);
          const range = numbers.length ? `, from ${number(Math.min(...numbers))} to ${number(Math.max(...numbers))}` : "";
          one.show({ labels, values }, known.length ? `last ${number(known.at(-1))}${range}` : "");
          return one.element;
        });
        grid.replaceChildren(...(charts.length ? charts : [h("p", { class: "notice" }, "None of its runs has metrics.")]));
      } catch (problem) {
        grid.replaceChildren(h("p", { class: "notice" }, problem.message));
      }
      title.focus();
    },
  };
}
