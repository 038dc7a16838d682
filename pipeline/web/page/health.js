import { call, byId } from "./call.js";

const box = byId("health"), often = 2000; // ms

// follow asks how the run is doing, as long as somebody looks.
export function follow() {
  let timer;
  const look = async () => {
    clearTimeout(timer);
    if (!box.open) return;
    const c = document.hidden ? null : await call("GET", "api/health").catch(() => null);
    if (c) show(c);
    timer = setTimeout(look, often);
  };
  box.addEventListener("toggle", look);
}

function show(c) {
  const share = c.frames.captured ? Math.round(100 * c.frames.skipped / c.frames.captured) : 0;
  const rows = {
    "Camera": c.camera,
    "Frames": `${c.frames.captured} taken, ${c.frames.shown} shown`,
    "Answers": `${c.frames.answered}; ${c.frames.skipped} frames (${share} %) came while the network was busy`,
    "Network": [c.provider.name, c.provider.precision].filter(Boolean).join(", "),
    "Not taken": c.provider.not.join("; "),
    "Temperature": c.temperatures.map((t) => `${t.name} ${t.celsius.toFixed(1)} °C`).join(", "),
    "Watchers": String(c.watchers),
    "Served for": length(c.uptime),
  };
  byId("condition").replaceChildren(...Object.entries(rows).filter(([, v]) => v).flatMap(([k, v]) => [cell("dt", k), cell("dd", v)]));
  byId("counts").tBodies[0].replaceChildren(...c.outputs.map((o) => {
    const tr = document.createElement("tr");
    tr.append(...[o.name + (o.ended ? " (ended)" : ""), o.shown, o.skipped, o.errors].map((v) => cell("td", v)));
    return tr;
  }));
}

function cell(tag, text) {
  const e = document.createElement(tag);
  e.textContent = text;
  return e;
}

// length is a time in words.
function length(seconds) {
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, Math.floor(seconds) % 60];
  return h ? `${h} h ${m} min` : m ? `${m} min ${s} s` : `${s} s`;
}
