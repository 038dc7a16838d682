// tap hands on what the microphone hears.
registerProcessor("tap", class extends AudioWorkletProcessor {
  process([[sound]]) {
    if (sound) this.port.postMessage(sound.slice());
    return true;
  }
});
