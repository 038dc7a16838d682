import { byId } from "./call.js";

const [list, said] = ["targets", "said"].map(byId);

const words = {
  searching: "looking …",
  locked: "found",
  unsure: "two things fit",
  lost: "lost from sight",
  absent: "not there",
};

// show writes one line a target. drop is called with the phrase that somebody
// drops.
export function show(targets, drop) {
  while (list.children.length > targets.length) list.lastElementChild.remove();
  targets.forEach((target, i) => row(i, target, () => drop(target.phrase)));
  tell(targets);
}

function element(tag, name) {
  const e = document.createElement(tag);
  if (name) e.className = name;
  return e;
}

// row writes the i-th line, and makes it where it is missing.
function row(i, target, drop) {
  let li = list.children[i];
  if (!li) {
    li = element("li");
    const button = element("button", "drop");
    button.type = "button";
    button.textContent = "×";
    const bar = element("span", "bar");
    bar.append(element("span"));
    li.append(element("i"), element("b"), button, element("span", "state"), bar, element("small", "notes"));
    list.append(li);
  }
  const [dot, phrase, button, state, bar, notes] = li.children;
  dot.style.background = target.color;
  phrase.textContent = target.phrase;
  button.ariaLabel = "Stop looking for " + target.phrase;
  button.onclick = drop;
  const sees = target.state === "locked" || target.state === "unsure";
  const parts = [words[target.state] || target.state];
  if (sees) parts.push("score " + Math.round(100 * target.score) + " %", Math.round(target.age_ms) + " ms old");
  state.textContent = parts.join(" · ");
  bar.firstElementChild.style.width = (sees ? 100 * target.score : 0) + "%";
  bar.firstElementChild.style.background = target.color;
  notes.textContent = (target.notes || []).join("; ");
  notes.hidden = !notes.textContent;
  li.dataset.state = target.state;
}

// tell says changes of state to a screen reader, and nothing in between.
let before = "";
function tell(targets) {
  const now = targets.map((t) => t.phrase + ": " + (words[t.state] || t.state)).join(". ");
  if (now !== before) said.textContent = before = now;
}
