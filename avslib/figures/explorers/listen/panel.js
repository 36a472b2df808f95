// The "does it listen?" panel: the chosen second with every sound.

const draw = ({ root, data, pictures, part, parts, say }) => {
  const [picture, sheet] = pictures;
  const { width, height } = picture;
  const pixels = pixelsOf(sheet);
  const label = (block, second, x, y) => pixels[4 * (((block * data.seconds + second) * height + y) * width + x)];
  const canvases = parts("mask");
  const audios = root.querySelectorAll("audio");
  audios.forEach((audio) => audio.addEventListener("play", () => {
    audios.forEach((other) => { if (other !== audio) other.pause(); });
  }));

  const paintCard = (context, block, second) => {
    context.drawImage(picture, 0, 0, context.canvas.width, context.canvas.height);
    const seen = new Set();
    for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) seen.add(label(block, second, x, y));
    seen.delete(0);
    const colour = (k) => rgbOf(data.colours[(k - 1) % data.colours.length]);
    paintMask(context, width, height, (x, y) => !label(block, second, x, y), [0, 0, 0], { fill: 0.35, thick: 0 });
    seen.forEach((k) => paintMask(context, width, height, (x, y) => label(block, second, x, y) === k, colour(k), { fill: 0.6 }));
    paintMask(context, width, height, (x, y) => label(0, second, x, y), [0, 0, 0], { fill: 0, thick: 4 });
    paintMask(context, width, height, (x, y) => label(0, second, x, y), rgbOf(data.truth), { fill: 0 });
    return [...seen].map((k) => data.names[k - 1]).filter(Boolean);
  };
  return () => {
    const second = Number(part("second").value);
    const painted = canvases.map((canvas, k) => paintCard(canvas.getContext("2d"), k + 1, second));
    part("second-says").textContent = `${second + 1} of ${data.seconds}`;
    const count = (block) => {
      let sum = 0;
      for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) sum += label(block, second, x, y) > 0;
      return `${Math.round(100 * sum / (width * height))} %`;
    };
    const told = data.titles.map((title, k) => `${title} ${count(k + 1)}${painted[k].length ? ` (${painted[k].join(", ")})` : ""}`);
    say(`Second ${second + 1}. Truth: ${count(0)} of the picture. Painted with ${told.join("; ")}.`);
  };
};
