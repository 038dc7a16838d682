import { byId } from "./call.js";

const list = byId("outputs");

// Of each output: how many errors it had, and how many frames it had shown when
// the newest of them was seen here. It fails until it shows another frame.
const seen = new Map();

// show tells of the outputs that fail or have ended, and nothing of the others.
export function show(outputs) {
  const lines = outputs.map(line).filter(Boolean);
  list.hidden = lines.length === 0;
  const now = lines.join("\n");
  if (list.dataset.lines === now) return; // a screen reader says only what is new
  list.dataset.lines = now;
  list.replaceChildren(...lines.map((text) => {
    const li = document.createElement("li");
    li.textContent = text;
    return li;
  }));
}

function line(output) {
  const last = seen.get(output.name);
  if (last?.errors !== output.errors) seen.set(output.name, { errors: output.errors, shown: output.shown });
  if (output.ended) return `Output “${output.name}” has ended${output.err ? ": " + output.err : ""}.`;
  if (output.errors > 0 && output.shown === seen.get(output.name).shown) return `Output “${output.name}” fails: ${output.err}`;
  return "";
}
