// The drawer of switches: how HubSpot behaves where nobody knows, one row a switch.

import { call, get } from "./api.js";
import { make } from "./pieces.js";
import { $ } from "./state.js";

const SURE = { D: "documented", C: "seen in real answers", I: "inferred", U: "unknown" };
let known = [];

const wordsOf = (name) => name.replaceAll("_", " ");

async function set(changes) {
  try {
    paintValues(await call("PUT", "switches", changes));
    $("switches-error").textContent = "";
  } catch (error) {
    $("switches-error").textContent = error.message;
    await loadSwitches();
  }
}

function control(one) {
  const label = { "aria-label": wordsOf(one.name), "data-switch": one.name };
  if (typeof one.default === "boolean") {
    return make("button", { type: "button", class: "switch", role: "switch", ...label, onclick: (event) => set({ [one.name]: event.currentTarget.getAttribute("aria-checked") !== "true" }) }, make("i"));
  }
  if (one.values.length) {
    return make("select", { ...label, onchange: (event) => set({ [one.name]: event.target.value }) }, ...one.values.map((value) => make("option", { value }, wordsOf(value))));
  }
  return make("input", { type: "number", min: "0", step: "any", ...label, onchange: (event) => set({ [one.name]: Number(event.target.value) }) });
}

function paintRows() {
  $("switch-rows").replaceChildren(...known.map((one) => make("li", { "data-row": one.name },
    make("span", { class: "grow" }, make("b", {}, wordsOf(one.name)), " ", make("span", { class: "sure", "data-sure": one.confidence }, SURE[one.confidence]), make("small", {}, one.about)),
    control(one),
  )));
}

function paintValues(values) {
  for (const one of known) {
    const place = document.querySelector(`[data-switch="${one.name}"]`), value = values[one.name];
    if (typeof one.default === "boolean") place.setAttribute("aria-checked", String(value));
    else if (document.activeElement !== place || place.tagName === "SELECT") place.value = value;
    place.closest("li").classList.toggle("changed", value !== one.default);
  }
  const changed = known.filter((one) => values[one.name] !== one.default).length;
  $("switch-count").hidden = $("default-switches").hidden = !changed;
  $("switch-count").textContent = changed;
  $("open-switches").setAttribute("aria-label", changed ? `Switches, ${changed} changed` : "Switches");
}

/** Shows the rows that hold what is looked for, of the kind that is asked for. */
function sift() {
  const words = $("switch-search").value.trim().toLowerCase(), unknown = $("only-unknown").checked;
  let shown = 0;
  for (const one of known) {
    const hidden = (unknown && one.confidence !== "U") || !`${wordsOf(one.name)} ${one.about}`.toLowerCase().includes(words);
    document.querySelector(`[data-row="${one.name}"]`).hidden = hidden;
    if (!hidden) shown += 1;
  }
  $("switch-none").hidden = shown > 0;
}

export async function loadSwitches() {
  const { values, switches } = await get("switches");
  if (!known.length) {
    known = switches;
    paintRows();
  }
  paintValues(values);
}

export function wireSwitches() {
  $("open-switches").addEventListener("click", () => $("switches").showModal());
  $("default-switches").addEventListener("click", () => set(Object.fromEntries(known.map((one) => [one.name, one.default]))));
  $("switch-search").addEventListener("input", sift);
  $("only-unknown").addEventListener("change", sift);
}
