// Requests to the server: repeated while something may change, and not sent otherwise or while the page is hidden.

/** A request for data. It costs next to nothing if nothing has changed. */
export function source(path) {
  let tag = null;
  let last = null;
  return async () => {
    const response = await fetch(path, { headers: tag ? { "If-None-Match": tag } : {} });
    if (response.status === 304) return last;
    const data = await response.json().catch(() => ({ error: `Airflow has answered ${response.status}.` }));
    if (!response.ok) throw Object.assign(new Error(data.error), { status: response.status, poll: data.poll });
    tag = response.headers.get("ETag");
    return (last = data);
  };
}

/**
 * Call step() now, and again after each pause that it returns, in seconds; null ends the loop.
 * Errors lead to longer and longer pauses, up to a minute; an error that the user may not see this ends the loop.
 */
export function repeat(step, onError) {
  let timer;
  let failures = 0;
  let over = false;
  let running = false;
  let askedAgain = false;

  async function run() {
    clearTimeout(timer);
    askedAgain = running;
    if (running) return;
    running = true;
    let pause;
    try {
      pause = await step();
      failures = 0;
    } catch (error) {
      onError(error);
      failures += 1;
      pause = error.poll !== undefined ? error.poll : Math.min(60, 5 * 2 ** failures);
      if ([400, 401, 403].includes(error.status)) pause = null;
    }
    running = false;
    if (askedAgain) return run();
    over = pause == null;
    if (!over && !document.hidden) timer = setTimeout(run, 1000 * pause);
  }
  document.addEventListener("visibilitychange", () => {
    clearTimeout(timer);
    if (!document.hidden && !over) run();
  });
  run();
  return run;
}
