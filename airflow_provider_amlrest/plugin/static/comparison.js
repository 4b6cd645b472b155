// The page of a gate: the candidate and the champion, metric by metric.

import { badge, h, number } from "./dom.js";

export function comparisonPage(main, { task, comparison }) {
  const { accepted, reason, candidate, champion, metrics } = comparison;
  const verdict = accepted ? ["accepted", "succeeded"] : ["not accepted", "unknown"];
  main.replaceChildren(
    h("header", {},
      h("h1", {}, candidate?.model || candidate?.job || "Candidate", " ", badge(...verdict)),
      h("p", { class: "soft" }, `Compared by task ${task.dag_id}.${task.task_id}, try ${task.try_number}.`)),
    h("p", {}, reason),
    h("section", {}, h("h2", {}, "Metrics"), table(candidate, champion, metrics)));
  main.setAttribute("aria-busy", "false");
}

function table(candidate, champion, metrics) {
  const value = (one, sign = "") => h("td", { class: "number" }, one == null ? "-" : `${sign}${number(one)}`);
  const head = (title, side) => h("th", { scope: "col", class: "number" }, title,
    h("div", { class: "soft" }, side ? side.model || side.job || "metrics given" : "none"));
  const rows = metrics.map((one) => h("tr", {}, h("th", { scope: "row" }, one.name), value(one.candidate),
    value(one.champion), value(one.difference, one.difference > 0 ? "+" : ""),
    h("td", {}, badge(one.passed ? "passed" : "failed", one.passed ? "succeeded" : "failed"))));
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Metrics of both models" },
    h("table", {}, h("caption", { class: "hidden" }, "Metrics of both models"),
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Metric"), head("Candidate", candidate),
        head("Champion", champion), h("th", { scope: "col", class: "number" }, "Difference"),
        h("th", { scope: "col" }, "Result"))),
      h("tbody", {}, rows)));
}
