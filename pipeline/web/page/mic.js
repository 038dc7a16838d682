import { byId, problem, fine } from "./call.js";
import { open, samples } from "./sound.js";

const button = byId("mic"), piece = 1600; // samples sent at once: a tenth of a second

let stop; // ends what is open

// ready lets people open the microphone and leave it so.
export function ready() {
  button.hidden = false;
  button.onclick = () => (stop ? stop() : listen());
}

async function listen() {
  fine();
  button.ariaPressed = "true";
  let socket, close, ended = false;
  const end = (why) => {
    if (ended) return;
    ended = true;
    stop = undefined;
    button.ariaPressed = "false";
    socket?.close();
    close?.();
    if (why) problem(new Error(why));
  };
  stop = () => end();
  try {
    socket = await connect();
    socket.onclose = (e) => end(e.reason || "The program listens no more.");
    close = await open(sender(socket));
    if (ended) close();
  } catch (err) {
    end(err.message);
  }
}

// connect opens the way to the program.
function connect() {
  const socket = new WebSocket(new URL("api/microphone", location.href.replace(/^http/, "ws")));
  socket.binaryType = "arraybuffer";
  return new Promise((done, failed) => {
    socket.onopen = () => done(socket);
    socket.onerror = () => failed(new Error("The program takes no microphone now: another page may be speaking."));
  });
}

// sender gathers chunks and sends them; what the network cannot take is lost.
function sender(socket) {
  let gathered = [], n = 0;
  return (chunk) => {
    gathered.push(chunk);
    n += chunk.length;
    if (n < piece) return;
    const bytes = new DataView(new ArrayBuffer(2 * n));
    gathered.reduce((at, c) => samples(bytes, at, c), 0);
    [gathered, n] = [[], 0];
    if (socket.readyState === WebSocket.OPEN && socket.bufferedAmount < 1 << 16) socket.send(bytes.buffer);
  };
}
