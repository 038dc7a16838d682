"use strict";

const byId = (id) => document.getElementById(id);
const [picture, away, form, field, wrong] = ["picture", "away", "ask", "phrase", "wrong"].map(byId);
const [line, list, none, said] = ["line", "targets", "none", "said"].map(byId);

const words = {
  searching: "looking …",
  locked: "found",
  unsure: "not sure which",
  lost: "lost from sight",
  absent: "not there",
};

// One status from the server, ten times a second at most. Silence means that
// the camera gives no frames: then no box on the page is true any more.
let silence;
function show(status) {
  away.hidden = true;
  clearTimeout(silence);
  silence = setTimeout(() => { away.hidden = false; }, 3000);
  line.textContent = [
    status.source,
    status.size.join("×"),
    status.fps.toFixed(1) + " frames/s",
    status.answers.toFixed(1) + " answers/s",
  ].join(" · ");
  picture.width = status.size[0];
  picture.height = status.size[1];
  none.hidden = status.targets.length > 0;
  while (list.children.length > status.targets.length) list.lastElementChild.remove();
  status.targets.forEach((target, i) => row(i, target));
  tell(status.targets);
  if (field.value === "" && !field.dataset.touched) field.value = status.phrases.join("; ");
}

// Writes the i-th line of the list, and makes it where it is missing.
function row(i, target) {
  let li = list.children[i];
  if (!li) {
    li = document.createElement("li");
    li.append(document.createElement("i"), document.createElement("b"), document.createElement("span"));
    list.append(li);
  }
  const [dot, phrase, state] = li.children;
  dot.style.background = target.color;
  phrase.textContent = target.phrase;
  const parts = [words[target.state] || target.state];
  if (target.state === "locked" || target.state === "unsure") {
    parts.push(Math.round(100 * target.score) + "%", Math.round(target.age_ms) + " ms");
  }
  state.textContent = parts.join(" · ");
}

// Says changes of state to a screen reader, and nothing in between.
let before = "";
function tell(targets) {
  const now = targets.map((t) => t.phrase + ": " + (words[t.state] || t.state)).join(". ");
  if (now !== before) said.textContent = before = now;
}

// The picture and the states each come over a connection of their own; both
// are opened again when the server was away.
function follow() {
  const events = new EventSource("api/events");
  let was = false;
  events.onopen = () => {
    if (was) picture.src = "api/stream.mjpeg?" + Date.now();
    was = false;
  };
  events.onmessage = (e) => show(JSON.parse(e.data));
  events.onerror = () => {
    was = true;
    away.hidden = false;
    if (events.readyState === EventSource.CLOSED) setTimeout(follow, 2000);
  };
}

form.addEventListener("submit", async (e) => {
  e.preventDefault();
  wrong.hidden = true;
  try {
    const answer = await fetch("api/phrases", {
      method: "PUT",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ phrases: field.value.split(";").map((p) => p.trim()).filter(Boolean) }),
    });
    if (!answer.ok) throw new Error((await answer.json()).error);
    field.select();
  } catch (err) {
    wrong.textContent = err instanceof TypeError ? "The program does not answer." : err.message;
    wrong.hidden = false;
  }
});

field.addEventListener("input", () => { field.dataset.touched = "yes"; });

addEventListener("keydown", (e) => {
  if (e.key === "/" && document.activeElement !== field) {
    e.preventDefault();
    field.focus();
    field.select();
  }
});

follow();
