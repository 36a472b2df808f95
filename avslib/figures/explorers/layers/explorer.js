// The layers explorer: one query's mask, or the map of all queries, before the first layer and after each.

const draw = ({ data, pictures, part, parts, say }) => {
  const [picture, sheet] = pictures, { width, height, queries, names } = data, size = width * height;
  const masks = bytesOf(data.masks), labels = bytesOf(data.labels), colourOf = coloursOf(data.colours);
  const truth = pixelsOf(sheet);
  const context = part("map").getContext("2d"), legend = part("legend").getContext("2d");
  for (let byte = 0; byte < 256; byte++) { legend.fillStyle = colourOf(byte); legend.fillRect(byte, 0, 1, 1); }
  const percent = (count) => `${Math.round(100 * count / size)} %`;

  const drawQuery = (mask) => {
    const inside = (x, y) => mask[y * width + x] > 127;
    context.globalAlpha = 0.65;
    paintCells(context, width, height, (place) => colourOf(mask[place]));
    context.globalAlpha = 1;
    paintMask(context, width, height, inside, [0, 0, 0], { fill: 0, thick: 5 });
    paintMask(context, width, height, inside, [255, 255, 255], { fill: 0, thick: 3 });
  };
  const drawAll = (map, found) => found.forEach(([label]) => {
    paintMask(context, width, height, (x, y) => map[y * width + x] === label, rgbOf(data.classes[label]), { fill: 0.6 });
  });
  const drawTruth = () => {
    const inside = (x, y) => truth[4 * (y * picture.width + x)] & 1;
    paintMask(context, picture.width, picture.height, inside, rgbOf(data.truth), { fill: 0 });
  };
  const keyOf = ([label]) => {
    const [entry, swatch, name] = ["div", "b", "span"].map((tag) => document.createElement(tag));
    entry.className = "avs-key";
    swatch.style.background = data.classes[label];
    name.textContent = names[label];
    entry.append(swatch, name);
    return entry;
  };

  return () => {
    const [step, number] = ["step", "query"].map((name) => Number(part(name).value)), together = parts("view")[1].checked;
    const start = (step * queries.length + number) * size, mask = masks.subarray(start, start + size);
    const map = labels.subarray(step * size, (step + 1) * size), found = data.found[step];
    drawGrey(context, picture);
    if (together) drawAll(map, found);
    else drawQuery(mask);
    drawTruth();
    part("key").replaceChildren(...(together ? found.map(keyOf) : []));
    part("step-says").textContent = step ? `after layer ${step}` : "before layer 1";
    part("query-says").textContent = `query ${queries[number] + 1}`;
    part("query").disabled = together || queries.length === 1;
    part("low").textContent = together ? "" : "outside";
    part("high").textContent = together ? "" : "inside";
    legend.canvas.style.visibility = together ? "hidden" : "visible";
    const [answer, sure] = data.answers[step][number];
    const one = `query ${queries[number] + 1} says ${names[answer]} (${sure.toFixed(2)}); `
      + `its mask is ${percent(mask.filter((byte) => byte > 127).length)} of the picture.`;
    const told = found.map(([label, score]) => `${names[label]} in ${percent(map.filter((each) => each === label).length)} `
      + `of the picture (mean score ${score.toFixed(2)})`);
    const looked = step ? `Layer ${step} looked at ${data.looks[(step - 1) % data.looks.length]}` : "No layer has looked at anything yet";
    say(`${looked}: ${together ? `all queries together say ${told.join(", ") || `nothing but ${names[0]}`}.` : one}`);
  };
};
