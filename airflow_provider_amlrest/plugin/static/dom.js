// Creates elements. Text is always text: nothing from a job can become markup.

export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child != null));
  return element;
}

/** Names and values, in two columns. */
export function definitions(pairs) {
  return h("dl", {}, pairs.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

/** A part of a page that is rendered again only if its data has changed, so that nothing flickers or loses focus. */
export function section(render) {
  const element = h("section");
  let shown;
  return {
    element,
    show(data) {
      const key = JSON.stringify(data);
      if (key === shown) return;
      shown = key;
      element.replaceChildren(...[render(data)].flat().filter((child) => child != null));
    },
  };
}

export function link(url, text = url) {
  // Airflow's frame does not allow a page to open a window; a link to another site can still be copied.
  return /^https:\/\//.test(url ?? "") ? h("a", { href: url, rel: "noreferrer" }, text) : (text ?? "");
}

/** The page of a step or a trial of the run that a page shows. */
export function partUrl(query, run) {
  const asked = new URLSearchParams(query);
  asked.set("step", [asked.get("step"), run].filter(Boolean).join("/"));
  return `task?${asked}`;
}

export function copyButton(label, text) {
  const button = h("button", {
    type: "button",
    onclick: async () => {
      button.textContent = (await copy(text)) ? "Copied" : "Copying is not allowed here";
      setTimeout(() => (button.textContent = label), 2000);
    },
  }, label);
  return button;
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // On plain http, this is the only clipboard.
    const field = h("textarea", { class: "hidden", "aria-hidden": "true" });
    field.value = text;
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }
}

export function badge(status, outcome) {
  return h("span", { class: `badge ${outcome ?? "unknown"}` }, status ?? "Unknown");
}

export function seconds(value) {
  if (value == null) return "";
  const whole = Math.round(value);
  if (whole < 60) return `${value < 10 ? value.toFixed(1) : whole} s`;
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return parts[0] ? `${parts[0]} h ${parts[1]} min` : `${parts[1]} min ${parts[2]} s`;
}

export function number(value) {
  if (typeof value !== "number") return value ?? "";
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)));
}

/** A metric as a chart can draw it: NaN and infinity come as words, and are gaps. */
export function drawable(value) {
  return typeof value === "number" ? value : null;
}

/** As Airflow writes it, in the timezone that the user has chosen there; else the browser's. */
export function moment(timestamp) {
  if (timestamp == null) return "";
  // Swedish is written as ISO 8601 is.
  const written = (timeZone) =>
    new Date(timestamp * 1000).toLocaleString("sv-SE", { dateStyle: "short", timeStyle: "medium", timeZone });
  try {
    return written(JSON.parse(localStorage.getItem("timezone")) ?? undefined);
  } catch { /* storage is not allowed, or the browser does not know the timezone */ }
  return written();
}

/** A table that its headers sort. columns: [{ title, value(row), show(row), number }] */
export function sortableTable(caption, columns, { sort = 0, down = false, rowClass = () => null } = {}) {
  let rows = [];
  const body = h("tbody");
  const heads = columns.map((column, index) => h("th", { scope: "col", class: column.number ? "number" : null },
    h("button", { type: "button", onclick: () => order(index) }, column.title)));
  const table = h("table", {}, h("caption", { class: "hidden" }, caption), h("thead", {}, h("tr", {}, heads)), body);

  function order(index) {
    down = index === sort ? !down : Boolean(columns[index].number);
    sort = index;
    fill();
  }
  function fill() {
    const { value } = columns[sort];
    const focused = body.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    const sorted = [...rows].sort((a, b) => (down ? -1 : 1) * compare(value(a), value(b), down));
    heads.forEach((head, index) => {
      if (index === sort) head.setAttribute("aria-sort", down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
      head.firstChild.textContent = columns[index].title + (index === sort ? (down ? " ▾" : " ▴") : "");
    });
    body.replaceChildren(...sorted.map((row) => h("tr", { class: rowClass(row) }, columns.map((column) =>
      h("td", { class: column.number ? "number" : null }, (column.show ?? column.value)(row) ?? "")))));
    if (focused) body.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
  }
  return {
    element: h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption }, table),
    show(newRows) {
      rows = newRows;
      fill();
    },
  };
}

function compare(a, b, down) {
  // Missing values come last, in either direction.
  if (a == null || b == null) return a == b ? 0 : (a == null) === !down ? 1 : -1;
  return typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
}
