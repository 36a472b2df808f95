// The points explorer: a scatter of one model's embeddings, with one class in front.

const draw = ({ root, data, part, parts, say }) => {
  const context = part("plane").getContext("2d"), { canvas } = context;
  const side = canvas.height - 40;

  // Outlined: one of the colours is white.
  const dot = ([x, y], colour, faint, ink) => {
    context.globalAlpha = faint ? 0.15 : 0.85;
    context.fillStyle = colour;
    context.beginPath();
    context.arc(20 + x * side, 20 + y * side, faint ? 5 : 7, 0, 2 * Math.PI);
    context.fill();
    context.strokeStyle = ink;
    context.stroke();
    context.globalAlpha = 1;
  };
  const drawLegend = (front, ink) => {
    context.font = "24px system-ui, sans-serif";
    data.classes.forEach(({ name, colour }, number) => {
      const y = 40 + 34 * number, faint = front && front - 1 !== number;
      context.globalAlpha = faint ? 0.3 : 1;
      context.fillStyle = colour;
      context.fillRect(canvas.height + 10, y - 18, 20, 20);
      context.strokeStyle = ink;
      context.strokeRect(canvas.height + 10, y - 18, 20, 20);
      context.fillStyle = ink;
      context.fillText(name, canvas.height + 40, y);
    });
    context.globalAlpha = 1;
  };

  return () => {
    const model = data.models[Number(parts("model").find((button) => button.checked).value)];
    const front = Number(part("front").value), ink = getComputedStyle(root).color;
    context.clearRect(0, 0, canvas.width, canvas.height);
    const order = model.labels.map((label, number) => [label === front - 1, number]).sort((a, b) => a[0] - b[0]);
    for (const [chosen, number] of order) {
      dot(model.places[number], data.classes[model.labels[number]].colour, front > 0 && !chosen, ink);
    }
    drawLegend(front, ink);
    const name = front ? data.classes[front - 1].name : "all classes";
    part("front-says").textContent = name;
    const count = front ? model.labels.filter((label) => label === front - 1).length : model.labels.length;
    say(`${model.name}: ${count} pixels of ${name}.`);
  };
};
