// The groups explorer: every pixel in the colour of its query, the pixels of one in front, and its prototypes as bars.

const draw = ({ data, pictures, part, say }) => {
  const [picture] = pictures, { width, height, takes } = data;
  const groups = bytesOf(data.groups), slider = part("query");
  const context = part("map").getContext("2d"), { canvas } = context;
  const sizes = takes.map((_, query) => groups.filter((each) => each === query).length);
  const colourOf = (query) => data.colours[query % data.colours.length];

  // Two groups of one colour may touch.
  const drawLines = () => {
    const [wide, high] = [canvas.width / width, canvas.height / height];
    context.fillStyle = "#000";
    groups.forEach((query, place) => {
      const [x, y] = [place % width, Math.floor(place / width)];
      if (x + 1 < width && groups[place + 1] !== query) context.fillRect((x + 1) * wide - 1, y * high, 2, high);
      if (y + 1 < height && groups[place + width] !== query) context.fillRect(x * wide, (y + 1) * high - 1, wide, 2);
    });
  };
  const drawMap = (chosen) => {
    const inside = (x, y) => groups[y * width + x] === chosen;
    drawGrey(context, picture);
    context.globalAlpha = 0.35;
    paintCells(context, width, height, (place) => colourOf(groups[place]));
    drawLines();
    context.globalAlpha = 1;
    paintMask(context, width, height, inside, rgbOf(colourOf(chosen)), { fill: 0.6 });
    paintMask(context, width, height, inside, [0, 0, 0], { fill: 0, thick: 5 });
    paintMask(context, width, height, inside, [255, 255, 255], { fill: 0, thick: 3 });
  };
  const bar = ([prototype, weight]) => {
    const [row, name, meter, filled, number] = ["div", "span", "div", "b", "small"].map((tag) => document.createElement(tag));
    row.className = "avs-bar";
    meter.className = "avs-meter";
    name.textContent = data.names[prototype];
    filled.style.width = `${100 * weight}%`;
    number.textContent = weight.toFixed(2);
    meter.append(filled);
    row.append(name, meter, number);
    return row;
  };
  canvas.style.cursor = "crosshair";
  canvas.addEventListener("pointerdown", (event) => {
    const box = canvas.getBoundingClientRect();
    const at = (part, whole, count) => Math.max(0, Math.min(count - 1, Math.floor(part / whole * count)));
    const [x, y] = [at(event.clientX - box.left, box.width, width), at(event.clientY - box.top, box.height, height)];
    slider.value = groups[y * width + x];
    slider.dispatchEvent(new Event("input", { bubbles: true }));
  });

  return () => {
    const query = Number(slider.value), [prototype, weight] = takes[query][0];
    drawMap(query);
    part("bars").replaceChildren(...takes[query].map(bar));
    part("query-says").textContent = `${query + 1} of ${takes.length}`;
    const has = sizes[query] ? `${sizes[query]} pixels, ${Math.round(100 * sizes[query] / groups.length)} % of the picture` : "no pixel";
    say(`Query ${query + 1} has ${has}. Of the prototypes it takes ${data.names[prototype]} most: ${weight.toFixed(2)}.`);
  };
};
