export const rate = 16000; // samples a second

// open hands chunk after chunk of the microphone's sound to take, until what it
// returns is called. What goes wrong is thrown as one line.
export async function open(take) {
  if (!window.isSecureContext || !navigator.mediaDevices) {
    throw new Error("Browsers give a page the microphone only over https or on this machine (localhost).");
  }
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1 } });
    const context = new AudioContext({ sampleRate: rate });
    await context.audioWorklet.addModule("tap.js");
    const tap = new AudioWorkletNode(context, "tap");
    tap.port.onmessage = (e) => take(e.data);
    context.createMediaStreamSource(stream).connect(tap);
    return async () => {
      stream.getTracks().forEach((t) => t.stop());
      await context.close();
    };
  } catch (err) {
    throw new Error("The microphone cannot be used: " + err.message);
  }
}

// samples writes a chunk as 16 bits at a place, and says where it ends.
export function samples(bytes, at, chunk) {
  for (const v of chunk) {
    bytes.setInt16(at, 32767 * Math.max(-1, Math.min(1, v)), true);
    at += 2;
  }
  return at;
}
