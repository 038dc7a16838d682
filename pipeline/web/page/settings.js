import { call, byId } from "./call.js";

const [box, form, fields, outcome, store, where] = ["settings", "set", "fields", "outcome", "store", "where"].map(byId);

let known = []; // settings as the program has them

// show asks for the settings and writes a field for each.
export async function show() {
  const all = await call("GET", "api/settings").catch(() => null);
  box.hidden = !all?.settings.length;
  if (box.hidden) return;
  known = all.settings;
  fields.replaceChildren(...known.map(field));
  store.hidden = byId("reload").hidden = !all.file;
  where.textContent = all.file
    ? "Saved in " + all.file + "; its comments stay. What is marked * holds from the next start on, and must be saved."
    : "Changes end with the program: start it with --config FILE to save them. What is marked * cannot be changed without.";
}

function element(tag, text) {
  const e = document.createElement(tag);
  if (text) e.textContent = text;
  return e;
}

function field(s) {
  const row = element("div"), label = element("label", s.key.replaceAll("-", " ") + (s.live ? "" : " *")), help = element("p", s.help);
  row.className = "pair";
  const input = element(s.choices.length ? "select" : "input");
  input.id = "set-" + s.key;
  label.htmlFor = input.id;
  help.id = input.id + "-help";
  help.className = "quiet";
  input.setAttribute("aria-describedby", help.id);
  input.append(...s.choices.map((c) => new Option(c)));
  if (s.kind === "boolean") {
    input.type = "checkbox";
    input.checked = s.value;
  } else {
    if (s.kind === "number" || s.kind === "whole") {
      input.type = "number";
      input.step = s.kind === "whole" ? 1 : "any";
      if (s.least !== null) input.min = s.least;
      if (s.most !== null) input.max = s.most;
    }
    input.value = s.value;
    if (s.default !== "") input.placeholder = s.default;
  }
  row.append(label, input, help);
  return row;
}

// now is what a field says, as the program would have it.
function now(s) {
  const input = byId("set-" + s.key);
  if (s.kind === "boolean") return input.checked;
  if (input.value === "" && s.default !== "") return s.default;
  return s.kind === "number" || s.kind === "whole" ? Number(input.value) : input.value;
}

const names = (all) => all.map((k) => k.replaceAll("-", " ")).join(", ");

// tell says what came of it.
function tell(done) {
  delete outcome.dataset.bad;
  outcome.textContent = [
    done.changed.length ? "Changed: " + names(done.changed) + "." : "",
    done.restart.length ? "From the next start on: " + names(done.restart) + "." : "",
    done.overruled.length ? "Saved, but the command line says otherwise and wins: " + names(done.overruled) + "." : "",
    done.saved ? "Saved." : "",
  ].filter(Boolean).join(" ") || "Nothing is different.";
}

async function send(what) {
  try {
    const done = await what();
    await show();
    tell(done);
  } catch (err) {
    outcome.dataset.bad = "yes";
    outcome.textContent = err.message;
  }
}

function change(save) {
  const values = Object.fromEntries(known.map((s) => [s.key, now(s)]).filter(([k, v]) => v !== known.find((s) => s.key === k).value));
  if (Object.keys(values).length === 0) return tell({ changed: [], restart: [], overruled: [], saved: false });
  send(() => call("PATCH", "api/settings", { values, save }));
}

form.addEventListener("submit", (e) => {
  e.preventDefault();
  change(false);
});
store.addEventListener("click", () => { if (form.reportValidity()) change(true); });
byId("reload").addEventListener("click", () => send(() => call("POST", "api/reload")));
