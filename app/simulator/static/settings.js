// HubSpot's settings page: opens the connect pop-up in HubSpot's size, notices when it is closed, and follows changes.

const POPUP = "popup,width=600,height=600";
const LOOK_MS = 400;

/** Opens the pop-up itself, since a form's target opens a tab. */
function openPopup(event) {
  const form = event.target.closest("form.connect");
  if (!form) return;
  const name = `connect-${Date.now()}`;
  const popup = window.open("about:blank", name, POPUP);
  if (!popup) return;
  form.target = name;
  watch(popup);
}

/** A window that the admin closes has not come back: HubSpot notices. */
function watch(popup) {
  const timer = setInterval(async () => {
    if (!popup.closed) return;
    clearInterval(timer);
    const open = document.querySelector("[data-window][data-open=true]");
    if (open) await fetch(`/settings/windows/${open.dataset.window}`, { method: "POST", body: new URLSearchParams({ wish: "close" }) });
  }, LOOK_MS);
}

/** Brings the page up to date in place, so that the keyboard stays where it was. */
async function refresh() {
  const answer = await fetch("/settings");
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const label = document.activeElement?.getAttribute("aria-label");
  document.querySelector("#settings").replaceChildren(...page.querySelector("#settings").childNodes);
  if (label) document.querySelector(`[aria-label="${CSS.escape(label)}"]`)?.focus();
}

document.addEventListener("submit", openPopup);
const events = new EventSource("/_sim/events");
for (const kind of ["settings_changed", "seeded", "reset"]) events.addEventListener(kind, refresh);
