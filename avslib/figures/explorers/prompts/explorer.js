// The prompts explorer: where a prompt lies among what is remembered, and what it asks for.

const draw = ({ root, data, pictures, part, parts, say }) => {
  const [picture, heard, sheet, ...sheets] = pictures, { names, colours } = data;
  const truth = pixelsOf(sheet), asked = sheets.map((each) => pixelsOf(each));
  const [plane, map, sound] = ["plane", "map", "sound"].map((name) => part(name).getContext("2d"));
  const side = plane.canvas.width, room = 0.94 * side, at = ([x, y]) => [side / 2 + (x - 0.5) * room, side / 2 + (y - 0.5) * room];
  const chosen = (name) => Number(parts(name).find((button) => button.checked).value);

  const path = (shape, [x, y], size) => {
    plane.beginPath();
    if (shape === 0) plane.arc(x, y, size, 0, 2 * Math.PI);
    if (shape === 1) plane.rect(x - 0.9 * size, y - 0.9 * size, 1.8 * size, 1.8 * size);
    if (shape < 2) return;
    const corners = shape === 2 ? [[0, -1.2], [1.1, 0.8], [-1.1, 0.8]] : [[0, -1.3], [1.2, 0], [0, 1.3], [-1.2, 0]];
    corners.forEach(([right, down]) => plane.lineTo(x + right * size, y + down * size));
    plane.closePath();
  };
  const cross = ([x, y], size, turned) => {
    plane.beginPath();
    [[1, turned ? 1 : 0], [turned ? 1 : 0, turned ? -1 : 1]].forEach(([right, down]) => {
      plane.moveTo(x - right * size, y - down * size);
      plane.lineTo(x + right * size, y + down * size);
    });
    plane.stroke();
  };
  const drawEmbedding = (place, kind, ink) => {
    plane.strokeStyle = plane.fillStyle = kind < 0 ? "#888" : colours[kind];
    plane.lineWidth = 1.5;
    if (kind === -2) cross(place, 5, true);
    else path(Math.max(0, kind), place, kind < 0 ? 4 : 9);
    if (kind !== -2) plane.fill();
    if (kind < 0) return;
    plane.strokeStyle = ink;
    plane.stroke();
  };
  const drawPlane = (shot, kind, component, number) => {
    const ink = getComputedStyle(root).color;
    plane.clearRect(0, 0, side, side);
    const order = shot.kinds.map((each, n) => [each === kind ? names.length : each, n]).sort((a, b) => a[0] - b[0]);
    order.forEach(([, n]) => drawEmbedding(at(shot.embeddings[n]), shot.kinds[n], ink));
    shot.means[kind].forEach((mean, m) => {
      const [half, other] = shot.halves[kind][m].map((each) => 2 * each * room);
      plane.beginPath();
      plane.ellipse(...at(mean), half, other, shot.angles[kind][m], 0, 2 * Math.PI);
      plane.strokeStyle = ink;
      plane.lineWidth = m === component ? 8 : 3;
      plane.stroke();
      if (m !== component) return;
      plane.strokeStyle = colours[kind];
      plane.lineWidth = 4;
      plane.stroke();
    });
    shot.prompts[kind][component].forEach((prompt, n) => {
      const size = n === number ? 20 : 9;
      [[ink, size + 2, n === number ? 14 : 7], [colours[kind], size, n === number ? 8 : 3]].forEach(([colour, reach, width]) => {
        [plane.strokeStyle, plane.lineWidth] = [colour, width];
        cross(at(prompt), reach, false);
      });
    });
  };
  // The part that is asked for in the class's colour, and white lines where it is one half.
  const drawAsked = (context, behind, share, [height, width], colour) => {
    const [red, green, blue] = rgbOf(colour), inside = (x, y) => share(y * width + x) > 127;
    drawGrey(context, behind);
    paintCells(context, width, height, (place) => `rgba(${red}, ${green}, ${blue}, ${0.75 * share(place) / 255})`);
    paintMask(context, width, height, inside, [0, 0, 0], { fill: 0, thick: 4 });
    paintMask(context, width, height, inside, [255, 255, 255], { fill: 0, thick: 2 });
  };
  // Of the mask at `place` of a sheet, cell -> 0 to 255.
  const maskOf = (pixels, [height, width], place) => {
    const size = height * width;
    return (cell) => pixels[4 * (place * size + cell)];
  };
  const drawTruth = (kind) => {
    const inside = (x, y) => truth[4 * (y * sheet.width + x)] >> kind & 1;
    paintMask(map, sheet.width, sheet.height, inside, rgbOf(data.truth), { fill: 0 });
  };
  const mean = ([height, width], value) => {
    let sum = 0;
    for (let cell = 0; cell < height * width; cell++) sum += value(cell);
    return Math.round(100 * sum / (height * width));
  };

  return () => {
    const number = Number(part("shot").value), shot = data.shots[number];
    const [kind, component, drawn] = ["class", "component", "draw"].map(chosen);
    const prompts = shot.prompts[kind][component], place = (kind * shot.means[kind].length + component) * prompts.length + drawn;
    const [mask, tone] = data.sizes.map((size, n) => maskOf(asked[2 * number + n], size, place));
    drawPlane(shot, kind, component, drawn);
    drawAsked(map, picture, mask, data.sizes[0], colours[kind]);
    drawTruth(kind);
    drawAsked(sound, heard, tone, data.sizes[1], colours[kind]);
    part("shot-says").textContent = shot.name;
    const overlap = shot.overlaps[kind][component][drawn];
    const seen = `${mean(data.sizes[0], (cell) => (mask(cell) > 127 ? 1 : 0))} % of the picture`;
    const found = overlap < 0 ? `, where no ${names[kind]} is to be found` : ` (IoU with the ${names[kind]} ${overlap.toFixed(2)})`;
    const from = shot.fitted[kind] ? `with the weight ${shot.weights[kind][component].toFixed(2)}` : "to which nothing has been fitted yet";
    say(`Draw ${drawn + 1} from component ${component + 1} of ${names[kind]}, ${from}, asks for ${seen}${found} and for `
      + `${mean(data.sizes[1], (cell) => tone(cell) / 255)} % of the spectrogram. The decoder takes it for ${names[kind]} `
      + `with probability ${shot.own[kind][component][drawn].toFixed(2)}.`);
  };
};
