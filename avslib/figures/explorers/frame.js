// What every explorer needs: find its element, load its pictures, draw when a control moves.

const loadPicture = (uri) => new Promise((done, fail) => {
  const picture = new Image();
  picture.onload = () => done(picture);
  picture.onerror = fail;
  picture.src = uri;
});

// The pixels of a picture, as one byte a channel.
const pixelsOf = (picture) => {
  const canvas = document.createElement("canvas");
  canvas.width = picture.width;
  canvas.height = picture.height;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(picture, 0, 0);
  return context.getImageData(0, 0, canvas.width, canvas.height).data;
};

const bytesOf = (base64) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));

// Paint the pixels (x, y) of a width x height grid where inside(x, y) holds: a translucent area with an
// opaque edge, scaled to the whole canvas. fill: 0 for the edge alone; thick: of the edge.
const paintMask = (context, width, height, inside, [red, green, blue], { fill = 0.5, thick = 2 } = {}) => {
  const scale = Math.max(1, Math.round(context.canvas.width / width));
  const layer = document.createElement("canvas");
  layer.width = width * scale;
  layer.height = height * scale;
  const area = layer.getContext("2d");
  const pixels = area.createImageData(layer.width, layer.height);
  const at = (x, y) => x >= 0 && y >= 0 && x < layer.width && y < layer.height
    && inside(Math.floor(x / scale), Math.floor(y / scale));
  for (let y = 0; y < layer.height; y++) {
    for (let x = 0; x < layer.width; x++) {
      if (!at(x, y)) continue;
      const edge = [[thick, 0], [-thick, 0], [0, thick], [0, -thick]].some(([dx, dy]) => !at(x + dx, y + dy));
      pixels.data.set([red, green, blue, edge ? 255 : 255 * fill], 4 * (y * layer.width + x));
    }
  }
  area.putImageData(pixels, 0, 0);
  context.drawImage(layer, 0, 0, context.canvas.width, context.canvas.height);
};

// The picture over the whole canvas, in grey, so that the colours upon it are the only ones.
const drawGrey = (context, picture) => {
  const { width, height } = context.canvas;
  context.globalAlpha = 1;
  context.drawImage(picture, 0, 0, width, height);
  context.globalCompositeOperation = "saturation";
  context.fillStyle = "#808080";
  context.fillRect(0, 0, width, height);
  context.globalCompositeOperation = "source-over";
};

// Fill the cells of a width x height grid over the whole canvas, each with colourOf(its number).
const paintCells = (context, width, height, colourOf) => {
  const { canvas } = context;
  for (let place = 0; place < width * height; place++) {
    const [column, row] = [place % width, Math.floor(place / width)];
    const [left, right] = [column, column + 1].map((x) => Math.round(x * canvas.width / width));
    const [top, low] = [row, row + 1].map((y) => Math.round(y * canvas.height / height));
    context.fillStyle = colourOf(place);
    context.fillRect(left, top, right - left, low - top);
  }
};

const rgbOf = (hex) => [1, 3, 5].map((start) => parseInt(hex.slice(start, start + 2), 16));

// A colour map of 256 times three bytes -> the colour of a byte.
const coloursOf = (base64) => {
  const table = bytesOf(base64);
  return (byte) => `rgb(${table.slice(3 * byte, 3 * byte + 3).join(",")})`;
};

// A grey picture in the colours of a map, to be drawn from: WebP keeps the colour of small rows badly.
const colouredBy = (table, picture) => {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [picture.width, picture.height];
  const grey = pixelsOf(picture), context = canvas.getContext("2d");
  const pixels = context.createImageData(canvas.width, canvas.height);
  for (let i = 0; i < grey.length; i += 4) {
    pixels.data.set(table.subarray(3 * grey[i], 3 * grey[i] + 3), i);
    pixels.data[i + 3] = 255;
  }
  context.putImageData(pixels, 0, 0);
  return canvas;
};

// Where a widget draws the explorer anew, for another sound, the sliders and buttons stay as they were set. Tick
// boxes do not: they belong to what is shown.
const keepControls = (root) => {
  const home = root.closest(".widget-output"), controls = [...root.querySelectorAll("input:not([type=checkbox])")];
  if (!home) return;
  const before = home.avsControls || [];
  if (before.length === controls.length) {
    controls.forEach((each, n) => { each.value = before[n].value; each.checked = before[n].checked; });
  }
  home.avsControls = controls;
};

// The look of all explorers, once a page: a style element may stand in the head only.
const wear = (css) => {
  if (document.getElementById("avs-explorer-look")) return;
  const look = document.createElement("style");
  look.id = "avs-explorer-look";
  look.textContent = css;
  document.head.append(look);
};

// The same output may stand twice in a page (a second view of a notebook), hence querySelectorAll.
const startExplorer = (id, data, draw) => {
  for (const root of document.querySelectorAll(`[id="${id}"]:not([data-ready])`)) {
    root.dataset.ready = "loading";
    keepControls(root);
    const parts = (name) => [...root.querySelectorAll(`[data-part="${name}"]`)];
    const part = (name) => parts(name)[0];
    const say = (text) => { if (part("say").textContent !== text) part("say").textContent = text; };
    Promise.all((data.pictures || []).map(loadPicture)).then((pictures) => {
      const redraw = draw({ root, data, pictures, part, parts, say });
      root.addEventListener("input", redraw);
      root.addEventListener("change", redraw);
      const themes = new MutationObserver(redraw);  // a canvas does not follow the page from light to dark
      for (const element of [document.documentElement, document.body]) {
        themes.observe(element, { attributes: true, attributeFilter: ["data-theme", "data-jp-theme-light"] });
      }
      redraw();
      root.dataset.ready = "drawn";
    });
  }
};
