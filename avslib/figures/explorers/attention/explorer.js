// The attention explorer: one map over the picture, by kind and step.

const draw = ({ data, pictures, part, parts, say }) => {
  const [picture, sheet] = pictures;
  const { width, height } = picture;
  const sheetPixels = pixelsOf(sheet), colours = bytesOf(data.colours);
  const maps = data.maps.map((map) => ({ ...map, values: bytesOf(map.values) }));
  const colourOf = (byte) => `rgb(${colours.slice(3 * byte, 3 * byte + 3).join(",")})`;
  const context = part("map").getContext("2d"), { canvas } = context;
  const legend = part("legend").getContext("2d");
  for (let byte = 0; byte < 256; byte++) { legend.fillStyle = colourOf(byte); legend.fillRect(byte, 0, 1, 1); }

  const drawPicture = () => {
    context.drawImage(picture, 0, 0, canvas.width, canvas.height);
    context.globalCompositeOperation = "saturation";
    context.fillStyle = "#808080";
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.globalCompositeOperation = "source-over";
  };
  const drawMap = (map, step) => {
    context.globalAlpha = 0.65;
    for (let row = 0; row < map.height; row++) {
      for (let column = 0; column < map.width; column++) {
        context.fillStyle = colourOf(map.values[(step * map.height + row) * map.width + column]);
        const [left, right] = [column, column + 1].map((x) => Math.round(x * canvas.width / map.width));
        const [top, low] = [row, row + 1].map((y) => Math.round(y * canvas.height / map.height));
        context.fillRect(left, top, right - left, low - top);
      }
    }
    context.globalAlpha = 1;
  };
  // Where the map's mass lies, 0 left to 1 right.
  const centre = (map, step) => {
    let mass = 0, moment = 0;
    for (let place = 0; place < map.width * map.height; place++) {
      const value = map.values[step * map.width * map.height + place];
      mass += value;
      moment += value * (place % map.width + 0.5) / map.width;
    }
    return mass ? moment / mass : 0.5;
  };
  const drawLine = (place) => {
    for (const [colour, thick] of [["#000", 8], ["#fff", 4]]) {
      context.strokeStyle = colour;
      context.lineWidth = thick;
      context.setLineDash([16, 10]);
      context.beginPath();
      context.moveTo(place * canvas.width, 0);
      context.lineTo(place * canvas.width, canvas.height);
      context.stroke();
    }
    context.setLineDash([]);
  };

  return () => {
    const step = Number(part("step").value), map = maps[Number(parts("kind").find((button) => button.checked).value)];
    drawPicture();
    drawMap(map, step);
    const truth = (x, y) => sheetPixels[4 * ((step * height + y) * width + x)] & 1;
    paintMask(context, width, height, truth, [0, 0, 0], { fill: 0, thick: 5 });
    paintMask(context, width, height, truth, rgbOf(data.truth), { fill: 0, thick: 3 });
    if (data.places) drawLine(data.places[step]);
    part("step-says").textContent = data.steps[step];
    part("low").textContent = "0";
    part("high").textContent = map.tops[step].toPrecision(2);
    say(`${data.kind}: ${map.name}; ${data.along} ${data.steps[step]}: at most ${map.tops[step].toPrecision(2)}, `
      + `its centre at ${centre(map, step).toFixed(2)} of the width.`);
  };
};
