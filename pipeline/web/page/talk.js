import { call, byId, problem, fine } from "./call.js";
import { open, rate, samples } from "./sound.js";

const longest = 15; // seconds of sound
const button = byId("talk");

let recording; // {stop(): Promise<Float32Array[]>} while somebody talks

// ready lets people talk: heard is called with what was understood.
export function ready(heard) {
  button.hidden = false;
  if (button.dataset.ready) return;
  button.dataset.ready = "yes";
  button.addEventListener("pointerdown", (e) => { button.setPointerCapture(e.pointerId); begin(heard); });
  for (const end of ["pointerup", "pointercancel"]) button.addEventListener(end, () => finish(heard));
  button.addEventListener("keydown", (e) => { if ([" ", "Enter"].includes(e.key) && !e.repeat) { e.preventDefault(); begin(heard); } });
  button.addEventListener("keyup", (e) => { if ([" ", "Enter"].includes(e.key)) finish(heard); });
}

function begin(heard) {
  if (recording) return;
  fine();
  button.ariaPressed = "true";
  const mine = recording = record((seconds) => {
    if (recording !== mine) return;
    button.textContent = `Talking · ${seconds} s`;
    if (seconds >= longest) finish(heard);
  });
  recording.catch((err) => {
    recording = undefined;
    release();
    problem(err);
  });
}

async function finish(heard) {
  const mine = recording;
  recording = undefined;
  release();
  if (!mine) return;
  try {
    const chunks = await (await mine).stop();
    const said = await call("POST", "api/speech", new Blob([wav(chunks)], { type: "audio/wav" }));
    heard(said);
  } catch (err) {
    problem(err);
  }
}

function release() {
  button.ariaPressed = "false";
  button.textContent = "Hold to talk";
}

// record opens the microphone until stop is called. It tells each full second of
// sound that is there.
async function record(tell) {
  const chunks = [];
  let n = 0;
  const close = await open((chunk) => {
    chunks.push(chunk);
    const before = Math.floor(n / rate);
    n += chunk.length;
    if (Math.floor(n / rate) > before) tell(Math.floor(n / rate));
  });
  return {
    async stop() {
      await close();
      return chunks;
    },
  };
}

// wav is sound as a file: one channel of 16 bits.
function wav(chunks) {
  const n = chunks.reduce((sum, c) => sum + c.length, 0), bytes = new DataView(new ArrayBuffer(44 + 2 * n));
  const text = (at, s) => [...s].forEach((c, i) => bytes.setUint8(at + i, c.charCodeAt(0)));
  text(0, "RIFF"); bytes.setUint32(4, 36 + 2 * n, true); text(8, "WAVEfmt ");
  bytes.setUint32(16, 16, true); bytes.setUint16(20, 1, true); bytes.setUint16(22, 1, true);
  bytes.setUint32(24, rate, true); bytes.setUint32(28, 2 * rate, true); bytes.setUint16(32, 2, true); bytes.setUint16(34, 16, true);
  text(36, "data"); bytes.setUint32(40, 2 * n, true);
  let at = 44;
  for (const c of chunks) at = samples(bytes, at, c);
  return bytes;
}
