import { byId } from "./call.js";

const [picture, theme, link] = ["picture", "theme", "link"].map(byId);
const stream = "api/stream.mjpeg?ahead=true";

// recall is what was chosen on this browser before, "" for nothing.
function recall(key) {
  try {
    return localStorage.getItem(key) ?? "";
  } catch {
    return "";
  }
}

function keep(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch { /* it is forgotten with the page */ }
}

// restart opens the stream anew, as it was asked for.
export function restart() {
  picture.src = [stream, link.value, "at=" + Date.now()].filter(Boolean).join("&");
}

theme.value = recall("theme");
theme.addEventListener("change", () => {
  keep("theme", theme.value);
  if (theme.value) document.documentElement.dataset.theme = theme.value;
  else delete document.documentElement.dataset.theme;
});

link.value = recall("link");
if (link.selectedIndex < 0) link.value = ""; // of another version of this page
if (link.value) restart();
link.addEventListener("change", () => {
  keep("link", link.value);
  restart();
});
