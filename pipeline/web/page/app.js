import { call, byId, problem, fine } from "./call.js";
import { show as showTargets } from "./targets.js";
import { show as showOutputs } from "./outputs.js";
import { remember, walk } from "./history.js";
import { draw as drawHeat } from "./heat.js";
import { ready as readyToTalk } from "./talk.js";
import { ready as readyToListen } from "./mic.js";
import { restart } from "./look.js";
import { show as showSettings } from "./settings.js";
import { follow as followHealth } from "./health.js";
import { begin as beginCorrection, busy as correcting, cancel } from "./correct.js";

const [picture, stage, away, line] = ["picture", "stage", "away", "line"].map(byId);
const [form, field, pause, warm] = ["ask", "phrase", "pause", "warm"].map(byId);

const banners = {
  waiting: "Waiting for the first picture …",
  paused: "Paused. A new phrase is answered on this picture.",
  lost: "The camera is away. Trying again …",
};

// One status from the server with each frame, and one a second without any.
// Silence means that the program is gone: then no box on the page is true.
let silence, last, told = 0;
function show(status) {
  last = status;
  clearTimeout(silence);
  silence = setTimeout(() => banner("The program does not answer. Trying again …", "lost"), 4000);
  banner(banners[status.camera], status.camera);
  drawHeat(warm.ariaPressed === "true" && status.camera !== "lost" ? status.targets : []);
  if (performance.now() - told < 100) return; // nobody reads faster
  told = performance.now();
  line.textContent = [
    status.source,
    status.size.join("×"),
    status.fps.toFixed(1) + " frames/s",
    status.answers.toFixed(1) + " answers/s",
    status.age_ms[0] + " ms old",
    status.provider,
  ].filter(Boolean).join(" · ");
  if (status.size[0] > 0) {
    [picture.width, picture.height] = status.size;
    stage.style.setProperty("--ratio", status.size[0] / status.size[1]);
  }
  press(pause, status.camera === "paused");
  pause.textContent = status.camera === "paused" ? "Go on" : "Pause";
  press(byId("mirror"), status.mirrored);
  showTargets(status.targets, drop);
  byId("none").hidden = status.phrases.length > 0;
  showOutputs(status.outputs);
  if (status.provider !== runs) about(status.provider);
  hear(status.speech);
  if (field.value === "" && !field.dataset.touched) field.value = status.phrases.join("; ");
}

// What is known of speech, in a line; what was said goes into the field once.
let utterance = 0;
function hear(speech) {
  const line = byId("heard");
  line.hidden = !speech?.caption;
  if (speech && line.textContent !== speech.caption) line.textContent = speech.caption;
  if (!speech?.said || speech.said.n <= utterance) return;
  utterance = speech.said.n;
  if (!speech.said.why && document.activeElement !== field) heard(speech.said);
}

function banner(text, state) {
  away.hidden = !text || correcting();
  if (text && away.textContent !== text) away.textContent = text;
  stage.dataset.state = state;
}

function press(button, on) {
  button.ariaPressed = String(on);
}

// The picture and the states each come over a connection of their own; both
// are opened again when the server was away.
let events;
function follow() {
  events?.close();
  const now = events = new EventSource("api/events" + (warm.ariaPressed === "true" ? "?attention=true" : ""));
  let was = false;
  now.onopen = () => {
    if (was) restart();
    was = false;
  };
  now.onmessage = (e) => show(JSON.parse(e.data));
  now.onerror = () => {
    was = true;
    if (now.readyState === EventSource.CLOSED && now === events) setTimeout(follow, 2000);
  };
}

picture.addEventListener("error", () => {
  setTimeout(() => { if (events.readyState === EventSource.OPEN) restart(); }, 2000);
});

// What runs is asked for at the start and when another provider goes on.
let runs;
async function about(provider) {
  runs = provider;
  const a = await call("GET", "api/about").catch(() => null);
  if (!a) return;
  pause.hidden = !a.can.pause;
  byId("correct").hidden = !a.can.correct;
  byId("mirror").hidden = !a.can.mirror;
  if (a.can.speech) readyToTalk(heard);
  if (a.can.microphone) readyToListen();
  const mode = (m) => [m.width ? m.width + "×" + m.height : "", m.fps ? m.fps.toFixed(1) + "/s" : "", m.format].filter(Boolean).join(" ");
  const rows = {
    "Network": [a.provider.name, a.provider.precision].filter(Boolean).join(", "),
    "Not taken": a.provider.not.join("; "),
    "Camera": mode(a.got) + (mode(a.asked) ? ", asked for " + mode(a.asked) : ""),
    "Bundle": a.bundle,
    "Program": [a.version, a.provider.library && "ONNX Runtime " + a.provider.library].filter(Boolean).join(", "),
  };
  byId("about").replaceChildren(...Object.entries(rows).filter(([, v]) => v).flatMap(([k, v]) => {
    const [dt, dd] = [document.createElement("dt"), document.createElement("dd")];
    [dt.textContent, dd.textContent] = [k, v];
    return [dt, dd];
  }));
}

// What was said is looked for already.
function heard(said) {
  if (!said.phrase) return;
  field.value = said.phrase;
  remember(said.phrase, (text) => { field.value = text; look(split(text)); });
}

// Looks for these phrases from the next frame on.
async function look(phrases) {
  fine();
  try {
    await call("PUT", "api/phrases", { phrases });
    remember(phrases.join("; "), (text) => { field.value = text; look(split(text)); });
    return true;
  } catch (err) {
    problem(err);
    return false;
  }
}

// Looks for one phrase less. The others are the program's to know: what is shown
// here may be of a moment ago.
function drop(phrase) {
  fine();
  call("DELETE", "api/phrases/" + encodeURIComponent(phrase)).catch(problem);
}

for (const button of byId("examples").querySelectorAll("button")) {
  button.addEventListener("click", () => {
    field.value = button.textContent;
    look(split(field.value));
  });
}

const split = (text) => text.split(";").map((p) => p.trim()).filter(Boolean);

form.addEventListener("submit", async (e) => {
  e.preventDefault();
  const text = field.value;
  if (await look(split(text)) && field.value === text) field.select(); // unless more was typed meanwhile
});

field.addEventListener("input", () => { field.dataset.touched = "yes"; });
field.addEventListener("keydown", (e) => {
  const text = e.key === "ArrowUp" ? walk(1) : e.key === "ArrowDown" ? walk(-1) : null;
  if (text === null) return;
  e.preventDefault();
  field.value = text;
  field.dataset.touched = "yes";
});

pause.addEventListener("click", () => {
  fine();
  call("POST", pause.ariaPressed === "true" ? "api/resume" : "api/pause").catch(problem);
});

byId("mirror").addEventListener("click", () => {
  fine();
  call("PUT", "api/mirror", { mirrored: !last?.mirrored }).catch(problem);
});

warm.addEventListener("click", () => {
  press(warm, warm.ariaPressed !== "true");
  drawHeat([]);
  follow();
});

byId("save").addEventListener("click", (e) => { e.currentTarget.download = "deixis-" + (last?.seq ?? 0) + ".jpg"; });
byId("correct").addEventListener("click", () => { if (last) beginCorrection(last); });

const keyList = byId("keys");
byId("help").addEventListener("click", () => keyList.showModal());

// Letters are keys of the page, but not while somebody types.
const keys = { p: pause, h: warm, m: byId("mirror"), s: byId("save"), c: byId("correct"), t: byId("mic") };
addEventListener("keydown", (e) => {
  if (e.key === "Escape" && correcting()) return cancel();
  if (e.ctrlKey || e.metaKey || e.altKey || e.target.matches("input, select, textarea") || correcting() || keyList.open) return;
  if (e.key === "/") {
    e.preventDefault();
    field.focus();
    field.select();
  } else if (e.key === "?") {
    keyList.showModal();
  } else if (keys[e.key] && !keys[e.key].hidden) {
    e.preventDefault();
    keys[e.key].click();
  }
});

remember("", (text) => { field.value = text; look(split(text)); });
follow();
showSettings();
followHealth();
