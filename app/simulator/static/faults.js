// The drawer of faults: which are in force, and switching them on and off.

import { call, get, post } from "./api.js";
import { icon, make } from "./pieces.js";
import { $, SERVICES, state } from "./state.js";

export function paintFaults(rules) {
  state.faults = new Map(rules.map((rule) => [rule.id, rule]));
  $("fault-count").hidden = $("clear-faults").hidden = !rules.length;
  $("fault-count").textContent = rules.length;
  $("open-faults").setAttribute("aria-label", rules.length ? `Faults, ${rules.length} in force` : "Faults");
  const active = new Set(rules.map((rule) => rule.id));
  for (const control of document.querySelectorAll("[data-fault]")) control.setAttribute("aria-checked", String(active.has(ruleId(control))));
  const rows = rules.map((rule) => make("li", {},
    make("span", { class: "grow" }, titleOf(rule), make("small", {}, `${struck(rule.hits)}, ${rule.remaining === null ? "until switched off" : `${rule.remaining} to go`}`)),
    make("button", { type: "button", class: "icon", "aria-label": `Switch off: ${titleOf(rule)}`, onclick: () => quietly(call("DELETE", `faults/${rule.id}`)) }, icon("close")),
  ));
  $("active-faults").replaceChildren(...(rows.length ? rows : [make("li", { class: "none" }, "Nothing. Every service behaves.")]));
}

const ruleId = (control) => `${control.dataset.api}-${control.dataset.fault}`;
const struck = (hits) => hits === 0 ? "has not struck yet" : hits === 1 ? "struck once" : `struck ${hits} times`;

function titleOf(rule) {
  const control = [...document.querySelectorAll("[data-fault]")].find((one) => ruleId(one) === rule.id);
  const name = control ? control.getAttribute("aria-label").split(" at ")[0] : rule.fault.kind.replaceAll("_", " ");
  return `${SERVICES[rule.api]}: ${name.toLowerCase()}`;
}

export function flip(control) {
  const id = ruleId(control);
  if (control.getAttribute("aria-checked") === "true") return quietly(call("DELETE", `faults/${id}`));
  const times = document.querySelector("[name=times]:checked").value;
  return quietly(post("faults", { id, api: control.dataset.api, times: times ? Number(times) : null, fault: JSON.parse(control.dataset.rule) }));
}

/** A rule may use itself up while its switch is pressed; the list is right in any case. */
export const quietly = (promise) => promise.catch(() => null).then(async () => paintFaults(await get("faults")));

/** What became of the faults since they were painted last: began, struck, or are over. */
export function faultNews(rules) {
  const now = new Map(rules.map((rule) => [rule.id, rule]));
  const begun = rules.filter((rule) => !state.faults.has(rule.id)).map((rule) => `${titleOf(rule)}, in force`);
  const hit = rules.filter((rule) => rule.hits > (state.faults.get(rule.id)?.hits ?? 0)).map((rule) => `${titleOf(rule)}, ${struck(rule.hits)}`);
  const over = [...state.faults.values()].filter((rule) => !now.has(rule.id)).map((rule) => `${titleOf(rule)}, over`);
  const news = [...begun, ...hit, ...over];
  return news.length ? [news.join("; "), begun.length || hit.length ? "bad" : ""] : null;
}
