// Talking to the simulator: state comes from /_sim as JSON.

export async function call(method, path, body) {
  const response = await fetch(`/_sim/${path}`, {
    method,
    headers: body ? { "Content-Type": "application/json" } : {},
    body: body && JSON.stringify(body),
  });
  const text = await response.text();
  let answer = null;
  try { answer = text ? JSON.parse(text) : null; } catch { /* an error page: its status is all there is to say */ }
  if (!response.ok) throw new Error(answer?.message ?? answer?.error ?? `The simulator answered ${response.status}.`);
  return answer;
}

export const get = (path) => call("GET", path);
export const post = (path, body = {}) => call("POST", path, body);

/** Runs `task` soon, once, however often it is asked for meanwhile; and again if it is asked for while running. */
export function gathered(task) {
  let running = false, wanted = false;
  return async function ask() {
    wanted = true;
    if (running) return;
    running = true;
    while (wanted) {
      wanted = false;
      try { await task(); } catch (error) { console.warn(error); }
    }
    running = false;
  };
}
