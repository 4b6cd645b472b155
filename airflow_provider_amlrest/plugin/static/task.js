// The page of a task: of its job, its endpoint, or the models that it has compared.

import { badge, copyButton, definitions, h, link, number, seconds, section } from "./dom.js";
import { chart, divergence, lineOptions } from "./charts.js";
import { comparisonPage } from "./comparison.js";
import { endpointPage } from "./endpoint.js";
import { repeat, source } from "./refresh.js";
import { steps } from "./steps.js";
import { sweep } from "./sweep.js";

// Parts that not every kind of job has: the server says which this one has.
const PARTS = { steps, trials: sweep, log: logTail };

export function taskPage(main, query) {
  const data = source(`task/data?${query}`);
  const notice = section((text) => (text ? h("p", { class: "notice", role: "status" }, text) : null));
  const head = heading(query, () => again());
  const error = failureCard();
  const waits = section((delay) => (delay ? h("p", { class: "notice", role: "status" }, h("b", {}, delay.problem), ` ${delay.advice}`) : null));
  const phases = section(history);
  const metrics = metricCharts();
  const parts = Object.fromEntries(Object.entries(PARTS).map(([name, part]) => [name, part(query, error.explain)]));
  const facts = section(details);
  let shown = false;
  let endpoint;

  const again = repeat(async () => {
    const answer = await data();
    if (answer.comparison) {
      comparisonPage(main, answer);
      return answer.poll;
    }
    if (answer.endpoint) {
      endpoint ??= endpointPage(main);
      endpoint.show(answer);
      return answer.poll;
    }
    if (!shown) {
      main.replaceChildren(notice.element, head.element, error.element, waits.element, phases.element, parts.steps.element,
        parts.trials.element, metrics.element, parts.log.element, facts.element);
      shown = true;
    }
    main.setAttribute("aria-busy", "false");
    notice.show(answer.notice);
    head.show(answer);
    error.show({ error: answer.error, cause: answer.cause, outcome: answer.job.outcome, warnings: answer.warnings });
    waits.show(answer.waits);
    phases.show(answer.phases.map((phase) => [phase.status, seconds(phase.seconds)]));
    metrics.show(answer.metrics, answer.metrics_notice);
    facts.show(answer.job);
    await Promise.all(answer.parts.map((name) => parts[name].update()));
    return answer.poll;
  }, (problem) => {
    if (endpoint) endpoint.tell(problem.message);
    else if (shown) notice.show(problem.message);
    else main.replaceChildren(h("p", { class: "notice", role: "alert" }, problem.message));
    main.setAttribute("aria-busy", "false");
  });
}

/** Three parts, so that a new status does not take the focus from a button. */
function heading(query, again) {
  const title = section(([name, status, outcome]) => h("h1", {}, name, " ", badge(status, outcome)));
  const buttons = section(([job, mayCancel]) => h("div", { class: "row" },
    copyButton("Copy name", job.name),
    copyButton("Copy ARM id", job.id),
    copyButton("Copy Studio link", job.studio_url),
    mayCancel ? cancelButton(query, again) : null));
  const whose = section(([job, task, isStep, reused]) => {
    const mapped = task.map_index >= 0 ? ` [${task.map_index}]` : "";
    const what = isStep ? `${job.type} step ${job.name} of the job` : `${job.type} job ${job.name}`;
    return h("p", { class: "soft" }, `${what} of task ${task.dag_id}.${task.task_id}${mapped}, `
      + `try ${task.try_number}. `, reused ? "It did not run: the results of an earlier run were reused. " : "",
      link(job.studio_url, "Azure ML Studio"));
  });
  const way = section((pages) => (pages.length ? h("nav", { class: "row way", "aria-label": "Way to this step" },
    pages.map(([name, step]) => h("a", { href: wayUrl(query, step) }, name))) : null));
  const top = h("div", { class: "row head" }, title.element, buttons.element);
  return {
    element: h("header", {}, way.element, top, whose.element),
    show({ job, task, way: pages, reused, may_cancel: mayCancel }) {
      const { type, name, id, studio_url } = job;
      title.show([job.display_name || name, job.status, job.outcome]);
      buttons.show([{ name, id, studio_url }, mayCancel]);
      whose.show([{ type, name, studio_url }, task, pages.length > 0, reused]);
      way.show(pages);
    },
  };
}

function wayUrl(query, step) {
  const asked = new URLSearchParams(query);
  if (step) asked.set("step", step);
  else asked.delete("step");
  return `task?${asked}`;
}

function cancelButton(query, again) {
  const button = h("button", { type: "button", class: "danger", onclick: ask }, "Cancel job");
  let sure = false;
  async function ask() {
    if (!sure) {
      // Airflow's frame does not show dialogs.
      sure = true;
      button.textContent = "Cancel it? The task will fail";
      setTimeout(() => { sure = false; if (!button.disabled) button.textContent = "Cancel job"; }, 5000);
      return;
    }
    button.disabled = true;
    button.textContent = "Canceling …";
    const response = await fetch(`task/cancel?${query}`, { method: "POST", headers: { "X-AzureML": "cancel" } });
    const answer = await response.json().catch(() => ({}));
    button.textContent = response.ok ? "Cancel requested" : answer.error ?? `Airflow has answered ${response.status}`;
    again();
  }
  return button;
}

/** Why the job failed: from its data, and more exactly from its log, which comes later. */
function failureCard() {
  const card = section(failure);
  let known = {};
  const add = (facts) => {
    known = { ...known, ...facts };
    card.show(known);
  };
  return {
    element: card.element,
    show: add,
    explain: ({ cause, last_lines }) => add({ explained: cause, lastLines: last_lines }),
  };
}

function failure({ error, cause, explained, lastLines, outcome, warnings }) {
  const lines = [];
  if (error || outcome === "failed") {
    const found = explained ?? cause;
    const message = error?.message || "Azure ML does not say why; the log may.";
    lines.push(h("div", { class: "error", role: "alert" },
      h("h2", {}, found?.problem || error?.code || "The job failed"),
      found?.advice ? h("p", {}, found.advice) : null,
      h("pre", {}, found && error ? `${error.code}: ${message}` : message),
      lastLines ? h("details", { open: true }, h("summary", {}, "The end of the log"), endOfLog(lastLines)) : null));
  }
  for (const warning of warnings) lines.push(h("p", { class: "notice" }, warning));
  return lines;
}

function endOfLog(lines) {
  const end = h("pre", { class: "end", tabindex: "0" }, lines);
  requestAnimationFrame(() => { end.scrollTop = end.scrollHeight; });
  return end;
}

function history(phases) {
  return h("ol", { class: "phases", "aria-label": "Status history" },
    phases.map(([status, time]) => h("li", {}, h("b", {}, status), time)));
}

function metricCharts() {
  const charts = new Map();
  const grid = h("div", { class: "charts" });
  const notice = section((text) => (text ? h("p", { class: "notice" }, text) : null));
  // A single value is not a line.
  const single = section((values) => h("dl", { class: "tiles" }, values.map(([name, value]) =>
    h("div", {}, h("dt", {}, name), h("dd", {}, number(value))))));
  const element = h("section", { hidden: true }, h("h2", {}, "Metrics"), notice.element, single.element, grid);
  return {
    element,
    show(metrics, text) {
      element.hidden = !Object.keys(metrics).length && !text;
      notice.show(text);
      const [lines, values] = [[], []];
      for (const entry of Object.entries(metrics)) (entry[1].length > 1 ? lines : values).push(entry);
      single.show(values.filter(([, points]) => points.length).map(([name, points]) => [name, points[0][1]]));
      for (const [name, points] of lines) {
        if (!charts.has(name)) {
          charts.set(name, { ...chart(name, lineOptions), shown: "" });
          grid.append(charts.get(name).element);
        }
        const one = charts.get(name);
        const key = JSON.stringify(points);
        if (key === one.shown) continue;
        one.shown = key;
        one.show(points, `last ${number(points.at(-1)[1])}${divergence(points)}`);
      }
    },
  };
}

function logTail(query, explain) {
  const lines = h("pre", { class: "log", tabindex: "0", role: "log", "aria-label": "Log of the job" });
  const notice = section((text) => (text ? h("p", { class: "notice" }, text) : null));
  const element = h("section", { hidden: true }, h("h2", {}, "Log"), notice.element, lines);
  let next = 0;
  return {
    element,
    async update() {
      const answer = await source(`task/log?${query}&after=${next}`)();
      // A user who has scrolled up wants to read there.
      const atEnd = lines.scrollTop + lines.clientHeight >= lines.scrollHeight - 20;
      element.hidden = element.hidden && !answer.next && !answer.notice;
      notice.show(answer.notice);
      if (answer.lines.length) lines.append(answer.lines.join("\n") + "\n");
      next = answer.next;
      if (answer.failure) explain(answer.failure);
      if (atEnd) lines.scrollTop = lines.scrollHeight;
    },
  };
}

function details(job) {
  const pairs = [
    ["Experiment", job.experiment], ["Compute", job.compute], ["Environment", job.environment],
    ["Command", job.command ? h("code", {}, job.command) : null], ["ARM id", job.id],
  ];
  return [
    h("h2", {}, "Job"),
    definitions(pairs.filter(([, value]) => value)),
    ...group("Inputs", job.inputs), ...group("Outputs", job.outputs), ...group("Tags", job.tags),
  ];
}

function group(title, values) {
  const pairs = Object.entries(values);
  return pairs.length ? [h("h2", {}, title), definitions(pairs.map(([name, value]) => [name, link(value)]))] : [];
}
