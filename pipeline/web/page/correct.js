import { call, byId, problem, fine } from "./call.js";

const [stage, still, box, form, meant, done] = ["stage", "still", "box", "fix", "meant", "done"].map(byId);

let picture; // {seq, width, height} of the picture being corrected
let rect; // x1, y1, x2, y2 in its pixels

export const busy = () => Boolean(picture);

// begin stops the view at the picture of this moment, without boxes, and lets
// somebody draw the right one on it.
export async function begin(status) {
  fine();
  if (busy()) return;
  if (status.phrases.length === 0) return problem(new Error("Look for something first; then its box can be corrected."));
  try {
    const answer = await fetch("api/frame.jpeg?overlay=false&keep=true");
    if (!answer.ok) throw new Error((await answer.json()).error);
    still.src = URL.createObjectURL(await answer.blob());
    await still.decode();
    picture = { seq: Number(answer.headers.get("X-Deixis-Seq")), width: still.naturalWidth, height: still.naturalHeight };
  } catch (err) {
    return problem(err);
  }
  meant.replaceChildren(...status.phrases.map((p) => new Option(p)));
  const { width: w, height: h } = picture;
  rect = status.targets[0]?.box ?? [w * 0.4, h * 0.4, w * 0.6, h * 0.6];
  meant.onchange = () => {
    const t = status.targets.find((t) => t.phrase === meant.value);
    if (t?.box) place(t.box);
  };
  still.hidden = box.hidden = form.hidden = false;
  done.textContent = "";
  place(rect);
  stage.tabIndex = 0;
  stage.focus();
}

// cancel goes back to the live picture.
export function cancel() {
  URL.revokeObjectURL(still.src);
  picture = undefined;
  still.removeAttribute("src");
  still.hidden = box.hidden = form.hidden = true;
  stage.removeAttribute("tabindex");
  byId("correct").focus();
}

function place(r) {
  const { width: w, height: h } = picture;
  const within = (v, most) => Math.min(Math.max(v, 0), most);
  rect = [within(r[0], w), within(r[1], h), within(r[2], w), within(r[3], h)];
  const [x1, y1, x2, y2] = [Math.min(rect[0], rect[2]), Math.min(rect[1], rect[3]), Math.max(rect[0], rect[2]), Math.max(rect[1], rect[3])];
  box.style.left = 100 * x1 / w + "%";
  box.style.top = 100 * y1 / h + "%";
  box.style.width = 100 * (x2 - x1) / w + "%";
  box.style.height = 100 * (y2 - y1) / h + "%";
}

// The place of a pointer in pixels of the picture.
function at(e) {
  const r = stage.getBoundingClientRect();
  return [(e.clientX - r.left) / r.width * picture.width, (e.clientY - r.top) / r.height * picture.height];
}

// One pointer draws: a mouse, a pen, or the first finger. Another finger meanwhile
// changes nothing.
let from, drawing;
stage.addEventListener("pointerdown", (e) => {
  if (!busy() || !e.isPrimary || e.button > 0) return;
  e.preventDefault();
  stage.setPointerCapture(e.pointerId);
  [from, drawing] = [at(e), e.pointerId];
});
stage.addEventListener("pointermove", (e) => { if (from && e.pointerId === drawing) place([...from, ...at(e)]); });
for (const end of ["pointerup", "pointercancel"]) stage.addEventListener(end, (e) => { if (e.pointerId === drawing) from = undefined; });

stage.addEventListener("keydown", (e) => {
  const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[e.key];
  if (!busy() || !step) return;
  e.preventDefault();
  const by = Math.max(1, Math.round(picture.width / 100)), [dx, dy] = step.map((s) => s * by);
  const [x1, y1, x2, y2] = rect;
  place(e.shiftKey ? [x1, y1, x2 + dx, y2 + dy] : [x1 + dx, y1 + dy, x2 + dx, y2 + dy]);
});

async function send(right) {
  fine();
  try {
    await call("POST", "api/corrections", { phrase: meant.value, seq: picture.seq, box: right });
    done.textContent = "Saved: " + meant.value + (right ? "." : " is not there.");
    cancel();
  } catch (err) {
    problem(err);
  }
}

form.addEventListener("submit", (e) => {
  e.preventDefault();
  send(rect.map((v) => Math.round(10 * v) / 10));
});
byId("nowhere").addEventListener("click", () => send(null));
byId("leave").addEventListener("click", cancel);
