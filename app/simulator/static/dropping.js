// Files that are dragged onto a pane, or pasted into its composer.

/** Lets a pane take files; `take` gets them, where `may` says so. */
export function takeFiles(pane, input, { may, take }) {
  let depth = 0;
  const show = (on) => pane.classList.toggle("dropping", on);
  const holdsFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files") && may();
  pane.addEventListener("dragenter", (event) => { if (holdsFiles(event)) { depth += 1; show(true); } });
  pane.addEventListener("dragleave", () => { depth = Math.max(0, depth - 1); if (!depth) show(false); });
  pane.addEventListener("dragover", (event) => { if (holdsFiles(event)) event.preventDefault(); });
  pane.addEventListener("drop", (event) => {
    depth = 0;
    show(false);
    if (!holdsFiles(event)) return;
    event.preventDefault();
    take(event.dataTransfer.files);
  });
  input.addEventListener("paste", (event) => {
    if (!event.clipboardData?.files.length || !may()) return;
    event.preventDefault();
    take(event.clipboardData.files);
  });
}
