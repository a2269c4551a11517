// What an agent decides about a thread: owner, team, inbox, merging, deleting.

import { post } from "./api.js";
import { chooseThread, loadThreads, thread } from "./inbox.js";
import { make, paintChoice } from "./pieces.js";
import { $, state } from "./state.js";

const portalOf = (one) => state.scene.portals.find((portal) => portal.id === one.portalId);

/** What people call an agent or an inbox. */
export function nameOf(id) {
  const known = state.scene.portals.flatMap((portal) => [...portal.agents, ...portal.inboxes]);
  return known.find((one) => one.id === id)?.name ?? id;
}

export function paintDetails(open) {
  const portal = open && portalOf(open);
  $("agent-details").hidden = !open || $("details-toggle").getAttribute("aria-expanded") !== "true";
  if (!portal || $("agent-details").contains(document.activeElement)) return;
  const named = (list) => list.map((one) => [one.id, one.name]);
  paintChoice($("owner"), [["", "Nobody"], ...named(portal.agents)], open.ownerId);
  paintChoice($("team"), [["", "No team"], ...named(portal.teams)], open.teamId);
  paintChoice($("lies-in"), named(portal.inboxes), open.inboxId);
  const others = state.threads.filter((one) => one.id !== open.id && one.portalId === open.portalId);
  paintChoice($("merge-into"), others.map((one) => [one.id, `${one.contactName}, ${one.accountName}`]), others[0]?.id);
  $("merge-into").disabled = $("merge").disabled = !others.length;
  const facts = [
    ["Thread", open.id], ["Ticket", open.ticketId], ["Customer", open.customer?.value], ["Contact", open.contactId],
    ["Ours", open.integrationThreadIds.join(", ")],
  ];
  $("thread-facts").replaceChildren(...facts.filter(([, value]) => value).flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
}

async function change(path, body, said) {
  $("agent-error").textContent = "";
  try {
    await post(`threads/${state.thread}/${path}`, body);
    $("announce").textContent = said;
  } catch (error) {
    $("agent-error").textContent = error.message;
  }
  await loadThreads();
}

/** Lets the choices act. */
export function wireDetails() {
  $("details-toggle").addEventListener("click", (event) => {
    const open = event.currentTarget.getAttribute("aria-expanded") !== "true";
    event.currentTarget.setAttribute("aria-expanded", String(open));
    paintDetails(thread());
  });
  $("owner").addEventListener("change", (event) => change("assign", { owner: event.target.value || null }, "Owner changed"));
  $("team").addEventListener("change", (event) => change("assign", { team: event.target.value || null }, "Team changed"));
  $("lies-in").addEventListener("change", (event) => change("move", { inbox: event.target.value }, "Thread moved"));
  $("merge").addEventListener("click", async () => {
    const into = $("merge-into").value;
    await change("merge", { into }, "Threads merged");
    chooseThread(into);
  });
  $("delete").addEventListener("click", () => change("delete", {}, "Thread deleted"));
}
