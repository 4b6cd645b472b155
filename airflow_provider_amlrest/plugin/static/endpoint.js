// The page of a task that works on an online endpoint: who gets the requests, and the rollout.

import { badge, copyButton, definitions, h, link, moment, number, section, sortableTable } from "./dom.js";

const COLOURS = 6;

export function endpointPage(main) {
  const notice = section((text) => (text ? h("p", { class: "notice", role: "status" }, text) : null));
  const title = section(([name, state, outcome]) => h("h1", {}, name, " ", badge(state, outcome)));
  const buttons = section((endpoint) => h("div", { class: "row" },
    copyButton("Copy name", endpoint.name),
    copyButton("Copy ARM id", endpoint.id),
    endpoint.scoring_uri ? copyButton("Copy scoring URI", endpoint.scoring_uri) : null,
    copyButton("Copy Studio link", endpoint.studio_url)));
  const whose = section(([task, url]) => {
    const mapped = task.map_index >= 0 ? ` [${task.map_index}]` : "";
    return h("p", { class: "soft" }, `Online endpoint of task ${task.dag_id}.${task.task_id}${mapped}, `
      + `try ${task.try_number}. `, link(url, "Azure ML Studio"));
  });
  const rollout = section((found) => (found ? h("p", { class: "notice", role: "status" },
    h("b", {}, "A rollout is under way"), `, by ${found.by || "somebody"}. ${inWords(found.before)}`) : null));
  const error = section((text) => (text ? h("div", { class: "error", role: "alert" },
    h("h2", {}, "The last smoke test failed"), h("pre", {}, text)) : null));
  const bar = section(traffic);
  // A deployment keeps its colour when another one comes or goes.
  const colours = new Map();
  const colour = (name) => colours.get(name) ?? colours.set(name, `share-${colours.size % COLOURS}`).get(name);
  const test = section(smokeTest);
  const table = sortableTable("Deployments", [
    { title: "Deployment", value: (row) => row.name },
    { title: "State", value: (row) => row.state, show: (row) => badge(row.state, row.outcome) },
    { title: "Traffic", value: (row) => row.share, show: (row) => `${row.share} %`, number: true },
    { title: "Mirrored", value: (row) => row.mirrored, show: (row) => (row.mirrored ? `${row.mirrored} %` : ""), number: true },
    { title: "Model", value: (row) => row.model },
    { title: "Instance type", value: (row) => row.instance_type },
    { title: "Instances", value: (row) => row.instances, number: true },
  ]);
  const deployments = h("section", {}, h("h2", {}, "Deployments"), table.element);
  const facts = section((pairs) => [h("h2", {}, "Endpoint"), definitions(pairs)]);
  main.replaceChildren(
    h("header", {}, h("div", { class: "row head" }, title.element, buttons.element), whose.element),
    notice.element, error.element, rollout.element, bar.element, test.element, deployments, facts.element);
  let rows;
  return {
    show({ task, notice: text, endpoint }) {
      const { name, id, state, outcome, scoring_uri, studio_url } = endpoint;
      main.setAttribute("aria-busy", "false");
      notice.show(text);
      title.show([name, state, outcome]);
      buttons.show({ name, id, scoring_uri, studio_url });
      whose.show([task, studio_url]);
      error.show(endpoint.test?.error);
      rollout.show(endpoint.rollout);
      bar.show(endpoint.deployments.map((one) => (
        { name: one.name, share: one.share, mirrored: one.mirrored, colour: colour(one.name) })));
      test.show(endpoint.test);
      deployments.hidden = !endpoint.deployments.length;
      if (rows !== JSON.stringify(endpoint.deployments)) table.show(endpoint.deployments);
      rows = JSON.stringify(endpoint.deployments);
      facts.show([["Scoring URI", scoring_uri], ["Authentication", endpoint.auth_mode], ["ARM id", id]].filter(([, value]) => value));
    },
    tell: (text) => notice.show(text),
  };
}

function inWords(before) {
  const shares = Object.entries(before).map(([name, share]) => `${name} ${share} %`);
  return shares.length ? `Before it, the traffic was ${shares.join(", ")}.` : "Before it, no deployment had traffic.";
}

/** The bar is for the eye: the words below it say the same. */
function traffic(all) {
  const served = all.filter((one) => one.share);
  const copied = all.filter((one) => one.mirrored);
  const words = [
    ...served.map((one) => h("li", {}, h("i", { class: one.colour }), `${one.name} ${one.share} %`)),
    ...copied.map((one) => h("li", {}, h("i", { class: `${one.colour} mirrored` }), `${one.name} a copy of ${one.mirrored} % (mirrored)`)),
  ];
  return [
    h("h2", {}, "Traffic"),
    h("div", { class: "traffic", "aria-hidden": "true" }, served.map((one) => h("i", { class: one.colour, style: `width:${one.share}%` }))),
    copied.length ? h("div", { class: "traffic copy", "aria-hidden": "true" },
      copied.map((one) => h("i", { class: `${one.colour} mirrored`, style: `width:${one.mirrored}%` }))) : null,
    words.length ? h("ul", { class: "legend", "aria-label": "Traffic of each deployment" }, words) : null,
    served.length ? null : h("p", { class: "soft" }, all.length ? "No deployment gets requests, unless they name it." : "The endpoint has no deployments."),
  ];
}

function smokeTest(test) {
  if (!test) return null;
  const passed = test.passed.map((one) => h("li", {},
    `${one.deployment} has answered ${one.requests} ${one.requests === 1 ? "request" : "requests"} as it should, in ${number(one.seconds)} s at most.`));
  return [
    h("h2", {}, "Last smoke test ", badge(test.error ? "Failed" : "Passed", test.error ? "failed" : "succeeded")),
    h("p", { class: "soft" }, moment(test.at)),
    passed.length ? h("ul", {}, passed) : null,
  ];
}
