// A menu beside the button that opens it: rows of words, and one row of signs where there are any.

import { icon, make } from "./pieces.js";

const GAP = 6;

function step(menu, by) {
  const rows = [...menu.querySelectorAll("[role=menuitem]")];
  rows[(rows.indexOf(document.activeElement) + by + rows.length) % rows.length].focus();
}

const STEPS = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };

/** Opens a menu of `rows` {symbol, words, act} and `signs` {sign, words, act} above or below the button. */
export function openMenu(button, label, rows, signs = []) {
  const row = (content, one) => make("button", { type: "button", role: "menuitem", tabindex: "-1", "aria-label": one.words, class: one.danger ? "danger" : null, onclick: () => { menu.hidePopover(); one.act(); } }, ...content);
  const menu = make("div", { class: "menu", role: "menu", popover: "auto", "aria-label": label },
    signs.length ? make("div", { class: "signs", role: "group", "aria-label": "Reactions" }, ...signs.map((one) => row([one.sign], one))) : null,
    ...rows.map((one) => row([icon(one.symbol), one.words], one)),
  );
  menu.addEventListener("keydown", (event) => {
    if (!STEPS[event.key]) return;
    event.preventDefault();
    step(menu, STEPS[event.key]);
  });
  menu.addEventListener("toggle", (event) => {
    if (event.newState !== "closed") return;
    button.setAttribute("aria-expanded", "false");
    menu.remove();
    if (document.activeElement === document.body) button.focus();
  });
  button.after(menu);
  button.setAttribute("aria-expanded", "true");
  menu.showPopover();
  const at = button.getBoundingClientRect(), size = menu.getBoundingClientRect();
  const above = at.top - size.height - GAP;
  menu.style.top = `${above > GAP ? above : Math.min(at.bottom + GAP, innerHeight - size.height - GAP)}px`;
  menu.style.left = `${Math.max(GAP, Math.min(at.left, innerWidth - size.width - GAP))}px`;
  menu.querySelector("[role=menuitem]").focus();
}
