// The anchors explorer: dots over panels, coloured by what they are to the chosen anchor.

const draw = ({ data, pictures, part, parts, say }) => {
  const count = data.panels.length;
  const kinds = bytesOf(data.kinds), likeness = bytesOf(data.likeness);
  const panels = parts("panel").map((canvas) => canvas.getContext("2d"));

  const dot = (context, [x, y], colour, size) => {
    context.beginPath();
    context.arc(x * context.canvas.width, y * context.canvas.height, size, 0, 2 * Math.PI);
    context.fillStyle = colour;
    context.fill();
    context.lineWidth = 2;
    context.strokeStyle = "#000";
    context.stroke();
  };
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

  return () => {
    const anchor = Number(part("anchor").value), shown = Number(parts("kind").find((button) => button.checked).value);
    panels.forEach((context, number) => {
      context.globalAlpha = 1;
      context.drawImage(pictures[number], 0, 0, context.canvas.width, context.canvas.height);
      context.fillStyle = "rgba(0, 0, 0, 0.35)";
      context.fillRect(0, 0, context.canvas.width, context.canvas.height);
    });
    const alike = data.names.map(() => []);
    for (let other = 0; other < count; other++) {
      const kind = kinds[anchor * count + other];
      alike[kind].push((likeness[anchor * count + other] - 127) / 127);
      if (kind && shown && kind !== shown) continue;
      if (kind) dot(panels[data.panels[other]], data.places[other], data.colours[kind], 6);
    }
    dot(panels[data.panels[anchor]], data.places[anchor], data.colours[0], 11);
    part("anchor-says").textContent = `${anchor + 1} of ${count}`;
    const told = data.names.slice(1).map((name, number) => {
      const found = alike[number + 1];
      return `${found.length} ${name}s${found.length ? `, cosine ${mean(found).toFixed(2)}` : ""}`;
    });
    say(`A pixel of ${data.seen[anchor]} under the sound of ${data.sounds[anchor]}: ${told.join("; ")}.`);
  };
};
