// The query explorer: one query's attention, the layers' masks, and the mixer's channels.

const draw = ({ root, data, pictures, part, parts, say }) => {
  const [picture, sheet] = pictures;
  const { width, height } = picture;
  const sheetPixels = pixelsOf(sheet);
  const colours = bytesOf(data.colours);
  const unpack = (maps) => ({ ...maps, values: bytesOf(maps.values) });
  const states = data.states.map((state) => ({
    ...state,
    layers: state.layers.map((layer) => ({ ...layer, levels: layer.levels.map(unpack) })),
    masks: unpack(state.masks),
    channels: unpack(state.channels),
  }));
  const chosen = (name) => Number(parts(name).find((button) => button.checked).value);
  const bit = (second, x, y, k) => sheetPixels[4 * ((second * height + y) * width + x)] >> k & 1;
  const colourOf = (byte) => colours.slice(3 * byte, 3 * byte + 3);
  const short = (value) => (value === 0 ? "0" : value >= 0.01 && value < 100
    ? value.toPrecision(2) : value.toExponential(1)).replaceAll("-", "\u2212");

  // Map number n of a packed stack, as a picture; gain multiplies its bytes.
  const heat = (maps, n, gain = 1) => {
    const layer = document.createElement("canvas");
    [layer.width, layer.height] = [maps.width, maps.height];
    const context = layer.getContext("2d"), image = context.createImageData(maps.width, maps.height);
    const size = maps.width * maps.height;
    for (let i = 0; i < size; i++) {
      const byte = Math.max(0, Math.min(255, Math.round(gain * maps.values[n * size + i])));
      image.data.set([...colourOf(byte), 255], 4 * i);
    }
    context.putImageData(image, 0, 0);
    return layer;
  };
  const grey = (context) => {
    context.drawImage(picture, 0, 0, context.canvas.width, context.canvas.height);
    context.globalCompositeOperation = "saturation";
    context.fillStyle = "#808080";
    context.fillRect(0, 0, context.canvas.width, context.canvas.height);
    context.globalCompositeOperation = "source-over";
  };
  const outline = (context, second) => {
    const truth = (x, y) => bit(second, x, y, 0);
    paintMask(context, width, height, truth, [0, 0, 0], { fill: 0, thick: 5 });
    paintMask(context, width, height, truth, rgbOf(data.truth), { fill: 0, thick: 3 });
  };
  const drawMap = (level, second, query) => {
    const map = part("map").getContext("2d");
    grey(map);
    map.globalAlpha = 0.72;
    map.imageSmoothingEnabled = false;
    map.drawImage(heat(level, second * data.queries + query), 0, 0, map.canvas.width, map.canvas.height);
    map.globalAlpha = 1;
    outline(map, second);
  };
  const drawBars = (layer, second, query) => {
    const bars = part("bars").getContext("2d");
    const { width: wide, height: high } = bars.canvas;
    const ink = getComputedStyle(root).color, step = (wide - 40) / data.queries, base = high - 24, tall = base - 22;
    const shares = layer.inside[second], even = layer.even[second], top = Math.max(0.05, even, ...shares);
    bars.clearRect(0, 0, wide, high);
    bars.font = "16px system-ui, sans-serif";
    shares.forEach((share, n) => {
      bars.fillStyle = n === query ? data.prediction : "#56B4E9";
      bars.fillRect(n * step + 0.12 * step, base - share / top * tall, Math.max(1, 0.76 * step), share / top * tall);
    });
    bars.fillStyle = bars.strokeStyle = ink;
    bars.fillRect(0, base - 1, wide - 40, 2);
    bars.setLineDash([7, 5]);
    bars.beginPath();
    bars.moveTo(0, base - even / top * tall);
    bars.lineTo(wide - 40, base - even / top * tall);
    bars.stroke();
    bars.setLineDash([]);
    bars.textAlign = "left";
    bars.fillText(even.toFixed(2), wide - 36, base - even / top * tall + 5);
    bars.textAlign = "center";
    bars.fillText(`query ${query + 1}: ${shares[query].toFixed(2)}`,
      Math.max(60, Math.min(wide - 100, (query + 0.5) * step)), high - 5);
  };
  const drawMasks = (state, number, second) => {
    const count = state.layers.length;
    for (let n = 0; n < count + 2; n++) {
      const context = part(`mask${n}`).getContext("2d");
      grey(context);
      if (n === 0 || n === count + 1) {
        const inside = (x, y) => bit(second, x, y, n === 0 ? 0 : number + 1);
        paintMask(context, width, height, inside, rgbOf(n === 0 ? data.truth : data.prediction), { fill: 0.6 });
        continue;
      }
      context.globalAlpha = 0.75;
      context.drawImage(heat(state.masks, second * count + n - 1), 0, 0, context.canvas.width, context.canvas.height);
      context.globalAlpha = 1;
    }
  };
  const drawChannels = (state, second) => {
    const context = part("channels").getContext("2d");
    context.clearRect(0, 0, context.canvas.width, context.canvas.height);
    context.imageSmoothingEnabled = false;
    context.textAlign = "center";
    context.font = "15px system-ui, sans-serif";
    context.fillStyle = getComputedStyle(root).color;
    state.numbers.forEach((channel, n) => {
      const factor = state.factors[second][n];
      context.drawImage(heat(state.channels, n), 80 * n + 3, 0, 74, 74);
      context.drawImage(heat(state.channels, n, factor), 80 * n + 3, 80, 74, 74);
      context.fillText(`\u00d7${factor.toFixed(2)}`, 80 * n + 40, 170);
      context.fillText(`#${channel}`, 80 * n + 40, 187);
    });
  };
  const legend = part("legend").getContext("2d");
  for (let byte = 0; byte < 256; byte++) {
    legend.fillStyle = `rgb(${colourOf(byte).join(",")})`;
    legend.fillRect(byte, 0, 1, 1);
  }

  return () => {
    const [number, layerNumber, levelNumber] = ["state", "layer", "level"].map(chosen);
    const [second, query] = ["second", "query"].map((name) => Number(part(name).value));
    const state = states[number], layer = state.layers[layerNumber], level = layer.levels[levelNumber];
    drawMap(level, second, query);
    drawBars(layer, second, query);
    drawMasks(state, number, second);
    drawChannels(state, second);
    part("second-says").textContent = `${second + 1} of ${data.seconds}`;
    part("query-says").textContent = `${query + 1} of ${data.queries}`;
    part("high").textContent = short(level.tops[second * data.queries + query]);
    say(`${state.name}, layer ${layerNumber + 1}, second ${second + 1}: query ${query + 1} has `
      + `${layer.inside[second][query].toFixed(2)} of its attention on what sounds; `
      + `without a preference it would have ${layer.even[second].toFixed(2)}.`);
  };
};
