// What goes over the wire, told line by line.

import { get } from "./api.js";
import { faultNews } from "./faults.js";
import { clock, make } from "./pieces.js";
import { $, SERVICES } from "./state.js";

const WIRE_LINES = 200;
const RECALLED = 50;

const WIRE = {
  delivery_attempt: (data) => {
    const result = data.status === null ? data.error || data.outcome : data.status;
    const again = data.outcome === "retry" ? ", will be sent again" : data.number > 1 ? `, attempt ${data.number}` : "";
    return [`Webhook ${SERVICES[data.api]} to relay: ${data.label.replace(/^(loopback|telegram) /, "").replaceAll("_", " ").toLowerCase()} → ${result} in ${Math.round(data.seconds * 1000)} ms${again}`, data.outcome === "done" ? "good" : "bad"];
  },
  customer_message: (data) => [data.message.mine ? `${data.message.sender} wrote in ${SERVICES[data.service]}` : `${SERVICES[data.service]} took a message of the relay`],
  customer_status: (data) => [`${SERVICES[data.service]} message ${data.message.edited ? "edited" : data.message.status}`],
  message_created: (data) => data.type === "MESSAGE" ? [data.direction === "INCOMING" ? "HubSpot took a message of the relay" : "The agent answered in HubSpot"] : null,
  status_changed: (data) => [`HubSpot was told: ${data.status}${data.failure ? ` (${data.failure})` : ""}`, data.status === "FAILED" ? "bad" : "good"],
  faults_changed: (data) => faultNews(data.faults),
};

export function note(kind, data, at = Date.now()) {
  const line = WIRE[kind]?.(data);
  if (!line) return;
  const [words, mood] = line;
  $("wire-last").textContent = words;
  $("wire-log").prepend(make("li", {}, make("time", {}, clock(at, { second: "2-digit" })), make("span", { class: mood || null, title: words }, words)));
  while ($("wire-log").childElementCount > WIRE_LINES) $("wire-log").lastElementChild.remove();
}

/** What was posted before the page was opened. */
export async function recall() {
  const { attempts } = await get("deliveries");
  for (const attempt of attempts.slice(-RECALLED)) note("delivery_attempt", attempt, attempt.at * 1000);
}
