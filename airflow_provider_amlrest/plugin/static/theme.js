// Airflow's theme: a class of the page around this frame; without a frame, the system's theme.

const listeners = [];

function isDark() {
  try {
    const classes = window.parent.document.documentElement.classList;
    if (window.parent !== window) return classes.contains("dark");
  } catch { /* in a frame of another site */ }
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

function apply() {
  document.documentElement.classList.toggle("dark", isDark());
  listeners.forEach((listener) => listener());
}

export function followTheme() {
  apply();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", apply);
  try {
    new MutationObserver(apply).observe(window.parent.document.documentElement, { attributeFilter: ["class"] });
  } catch { /* in a frame of another site */ }
}

export function onTheme(listener) {
  listeners.push(listener);
}

export function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
