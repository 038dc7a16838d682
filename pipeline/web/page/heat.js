import { byId } from "./call.js";

const canvas = byId("heat"), cells = document.createElement("canvas");

// draw paints where the network looks for each target, in the target's colour.
// The grid is coarse; the browser smooths it over the picture.
export function draw(targets) {
  const hot = targets.filter((t) => t.heat);
  canvas.hidden = hot.length === 0;
  if (canvas.hidden) return;
  const { clientWidth: w, clientHeight: h } = canvas;
  if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
  const to = canvas.getContext("2d");
  to.clearRect(0, 0, w, h);
  to.imageSmoothingQuality = "high";
  for (const { heat, color } of hot) {
    cells.width = cells.height = heat.grid;
    const from = cells.getContext("2d"), image = from.createImageData(heat.grid, heat.grid);
    const bytes = atob(heat.values), [r, g, b] = [1, 3, 5].map((i) => parseInt(color.slice(i, i + 2), 16));
    for (let i = 0; i < bytes.length; i++) image.data.set([r, g, b, 0.75 * bytes.charCodeAt(i)], 4 * i);
    from.putImageData(image, 0, 0);
    to.drawImage(cells, 0, 0, w, h);
  }
}
