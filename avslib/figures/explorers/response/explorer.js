// The response explorer: a heat map of one second over the picture, and one pixel over all seconds.

const draw = ({ root, data, pictures, part, parts, say }) => {
  const [picture, sheet] = pictures;
  const { width, height } = picture;
  const sheetPixels = pixelsOf(sheet);
  const colours = bytesOf(data.colours);
  const stages = data.states.map(({ stages }) => stages.map((stage) => ({ ...stage, values: bytesOf(stage.values) })));
  const chosen = (name) => Number(parts(name).find((button) => button.checked).value);
  const bit = (second, x, y, k) => sheetPixels[4 * ((second * height + y) * width + x)] >> k & 1;
  const byteAt = (stage, second, x, y) => {
    const column = Math.floor(x * stage.width / width), row = Math.floor(y * stage.height / height);
    return stage.values[(second * stage.height + row) * stage.width + column];
  };
  const valueOf = (stage, byte) => (data.signed ? (byte - 128) / 127 : byte / 255) * stage.top;
  const colourOf = (byte) => `rgb(${colours.slice(3 * byte, 3 * byte + 3).join(",")})`;
  const short = (value) => (value === 0 ? "0" : Math.abs(value) >= 0.01 && Math.abs(value) < 100
    ? value.toPrecision(2) : value.toExponential(1)).replaceAll("-", "\u2212");

  const map = part("map").getContext("2d");
  const drawPicture = (context, grey) => {
    context.globalAlpha = 1;
    context.drawImage(picture, 0, 0, context.canvas.width, context.canvas.height);
    if (!grey) return;
    context.globalCompositeOperation = "saturation";
    context.fillStyle = "#808080";
    context.fillRect(0, 0, context.canvas.width, context.canvas.height);
    context.globalCompositeOperation = "source-over";
  };
  const drawMap = (stage, second, x, y) => {
    drawPicture(map, true);
    const [cellWide, cellHigh] = [map.canvas.width / stage.width, map.canvas.height / stage.height];
    map.globalAlpha = 0.72;
    for (let row = 0; row < stage.height; row++) {
      for (let column = 0; column < stage.width; column++) {
        map.fillStyle = colourOf(stage.values[(second * stage.height + row) * stage.width + column]);
        const [left, top] = [Math.round(column * cellWide), Math.round(row * cellHigh)];
        map.fillRect(left, top, Math.round((column + 1) * cellWide) - left, Math.round((row + 1) * cellHigh) - top);
      }
    }
    map.globalAlpha = 1;
    const truth = (u, v) => bit(second, u, v, 0);
    paintMask(map, width, height, truth, [0, 0, 0], { fill: 0, thick: 5 });
    paintMask(map, width, height, truth, rgbOf(data.truth), { fill: 0, thick: 3 });
    const [column, row] = [Math.floor(x * stage.width / width), Math.floor(y * stage.height / height)];
    for (const [colour, thick] of [["#fff", 7], ["#000", 3]]) {
      map.strokeStyle = colour;
      map.lineWidth = thick;
      map.strokeRect(column * cellWide, row * cellHigh, cellWide, cellHigh);
      const [cx, cy] = [(column + 0.5) * cellWide, (row + 0.5) * cellHigh];
      map.beginPath();
      map.moveTo(cx - 12, cy); map.lineTo(cx + 12, cy);
      map.moveTo(cx, cy - 12); map.lineTo(cx, cy + 12);
      map.stroke();
    }
  };
  const drawBars = (stage, second, x, y) => {
    const bars = part("bars").getContext("2d");
    const { width: wide, height: high } = bars.canvas;
    const ink = getComputedStyle(root).color;
    const step = wide / data.seconds, base = data.signed ? high / 2 - 14 : high - 60, tall = data.signed ? base - 30 : base - 32;
    bars.clearRect(0, 0, wide, high);
    bars.textAlign = "center";
    bars.font = `${Math.min(22, 0.36 * step)}px system-ui, sans-serif`;
    for (let t = 0; t < data.seconds; t++) {
      const byte = byteAt(stage, t, x, y), value = valueOf(stage, byte), length = value / stage.top * tall;
      const left = t * step + step * 0.2, bar = step * 0.6;
      bars.fillStyle = colourOf(byte);
      bars.fillRect(left, base - Math.max(0, length), bar, Math.abs(length));
      bars.strokeStyle = ink;
      bars.lineWidth = t === second ? 5 : 1;
      bars.strokeRect(left, base - Math.max(0, length), bar, Math.abs(length));
      bars.fillStyle = ink;
      bars.fillText(short(value), left + bar / 2, value >= 0 ? base - length - 8 : base - length + 24);
      bars.fillText(String(t + 1), left + bar / 2, high - 26);
      if (!bit(t, x, y, 0)) continue;
      bars.fillStyle = data.truth;
      bars.fillRect(left, high - 16, bar, 12);
      bars.lineWidth = 1;
      bars.strokeRect(left, high - 16, bar, 12);
    }
    bars.fillStyle = ink;
    bars.fillRect(0, base - 1, wide, 2);
  };
  const drawThumb = (name, second, k, colour) => {
    const context = part(name).getContext("2d");
    drawPicture(context, true);
    paintMask(context, width, height, (x, y) => bit(second, x, y, k), rgbOf(colour), { fill: 0.6 });
  };
  const legend = part("legend").getContext("2d");
  for (let byte = 0; byte < 256; byte++) { legend.fillStyle = colourOf(byte); legend.fillRect(byte, 0, 1, 1); }

  const redraw = () => {
    const [state, number] = [chosen("state"), chosen("stage")];
    const stage = stages[state][number];
    const [second, x, y] = ["second", "across", "down"].map((name) => Number(part(name).value));
    drawMap(stage, second, x, y);
    drawBars(stage, second, x, y);
    drawThumb("truth", second, 0, data.truth);
    drawThumb("prediction", second, state + 1, data.prediction);
    part("second-says").textContent = `${second + 1} of ${data.seconds}`;
    part("across-says").textContent = `${x} px`;
    part("down-says").textContent = `${y} px`;
    part("low").textContent = data.signed ? short(-stage.top) : "0";
    part("high").textContent = short(stage.top);
    const value = valueOf(stage, byteAt(stage, second, x, y));
    say(`${data.states[state].name}, stage ${number + 1}, second ${second + 1}: pixel (${x}, ${y}) answers with `
      + `${short(value)}; it ${bit(second, x, y, 0) ? "belongs" : "does not belong"} to the true mask.`);
  };
  const point = (event) => {
    if (event.type === "pointermove" && !event.buttons) return;
    const box = map.canvas.getBoundingClientRect();
    part("across").value = Math.floor((event.clientX - box.left) / box.width * width);
    part("down").value = Math.floor((event.clientY - box.top) / box.height * height);
    redraw();
  };
  map.canvas.addEventListener("pointerdown", point);
  map.canvas.addEventListener("pointermove", point);
  map.canvas.addEventListener("keydown", (event) => {
    const stage = stages[chosen("state")][chosen("stage")];
    const moves = { ArrowLeft: ["across", -1], ArrowRight: ["across", 1], ArrowUp: ["down", -1], ArrowDown: ["down", 1] };
    if (!moves[event.key]) return;
    const [name, sign] = moves[event.key];
    const cell = name === "across" ? width / stage.width : height / stage.height;
    part(name).value = Number(part(name).value) + sign * Math.max(1, Math.round(cell));
    event.preventDefault();
    redraw();
  });
  return redraw;
};
