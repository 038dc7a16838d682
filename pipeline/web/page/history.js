import { byId } from "./call.js";

const key = "asked", most = 12;
let asked = [], at = -1;
try {
  asked = JSON.parse(localStorage.getItem(key)) ?? [];
} catch { /* no memory on this browser, or an odd one */ }

// remember puts text first among what was asked, and shows them all. pick is
// called with the one that somebody chooses.
export function remember(text, pick) {
  if (text) asked = [text, ...asked.filter((t) => t !== text)].slice(0, most);
  at = -1;
  try {
    localStorage.setItem(key, JSON.stringify(asked));
  } catch { /* it is forgotten with the page */ }
  byId("before").hidden = asked.length === 0;
  byId("history").replaceChildren(...asked.map((t) => {
    const li = document.createElement("li"), button = document.createElement("button");
    button.type = "button";
    button.textContent = t;
    button.onclick = () => pick(t);
    li.append(button);
    return li;
  }));
}

// walk goes back in time by step, or forth; null at either end.
export function walk(step) {
  const next = at + step;
  if (next < -1 || next >= asked.length) return null;
  at = next;
  return at < 0 ? "" : asked[at];
}
