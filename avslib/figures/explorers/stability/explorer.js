// The stability explorer: one table of classes and queries a run, and its score over the epochs.

const draw = ({ root, data, part, parts, say }) => {
  const { names, runs, epochs } = data, colourOf = coloursOf(data.colours);
  const shares = runs.map((run) => bytesOf(run.shares));
  const tables = parts("table").map((canvas) => canvas.getContext("2d")), curve = part("curve").getContext("2d");
  const legend = part("legend").getContext("2d");
  for (let byte = 0; byte < 256; byte++) { legend.fillStyle = colourOf(byte); legend.fillRect(byte, 0, 1, 1); }
  const [left, low, row] = [170, 56, 44], top = Math.max(...runs.map((run) => run.any));

  const drawTable = (context, n, epoch, ink) => {
    const { queries } = runs[n], { width, height } = context.canvas, wide = (width - left) / queries;
    context.clearRect(0, 0, width, height);
    context.font = "26px system-ui, sans-serif";
    names.forEach((name, k) => {
      context.fillStyle = ink;
      context.textAlign = "right";
      context.fillText(name, left - 12, row * k + 31, left - 14);
      for (let query = 0; query < queries; query++) {
        context.fillStyle = colourOf(shares[n][(epoch * names.length + k) * queries + query]);
        const start = Math.round(left + query * wide), gap = wide > 12 ? 2 : 0;
        context.fillRect(start, row * k + 1, Math.round(left + (query + 1) * wide) - start - gap, row - 2);
      }
    });
    context.fillStyle = ink;
    context.fillText("query", left - 12, height - 18);
    context.textAlign = "center";
    const step = Math.ceil(queries / 12);
    for (let query = 0; query < queries; query += step) context.fillText(query + 1, left + (query + 0.5) * wide, height - 18);
  };
  const across = (epoch) => 60 + (epochs > 1 ? epoch / (epochs - 1) : 0.5) * (curve.canvas.width - 90);
  const up = (score) => 20 + (1 - score / (1.05 * top)) * (curve.canvas.height - 70);
  const line = (points, width, colour, dashes = []) => {
    curve.beginPath();
    points.forEach(([x, y]) => curve.lineTo(x, y));
    curve.setLineDash(dashes);
    [curve.lineWidth, curve.strokeStyle] = [width, colour];
    curve.stroke();
    curve.setLineDash([]);
  };
  const dot = ([x, y], size, colour, ink) => {
    curve.beginPath();
    curve.arc(x, y, size, 0, 2 * Math.PI);
    [curve.fillStyle, curve.strokeStyle, curve.lineWidth] = [colour, ink, 2];
    curve.fill();
    curve.stroke();
  };
  const drawCurve = (epoch, ink) => {
    const { width, height } = curve.canvas;
    curve.clearRect(0, 0, width, height);
    [curve.font, curve.fillStyle, curve.textAlign] = ["22px system-ui, sans-serif", ink, "right"];
    for (let tick = 0; tick <= top; tick++) {
      curve.fillText(tick, 36, up(tick) + 8);
      line([[46, up(tick)], [width - 20, up(tick)]], 1, "#8886");
    }
    curve.textAlign = "center";
    const step = Math.ceil(epochs / 20);
    for (let each = 0; each < epochs; each += step) curve.fillText(each + 1, across(each), height - 12);
    line([[across(epoch), up(top)], [across(epoch), up(0)]], 3, ink, [6, 6]);
    runs.forEach(({ scores, colour }, n) => {
      const places = scores.map((score, each) => [across(each), up(score)]);
      line(places, 4, colour, n % 2 ? [14, 8] : []);
      places.forEach((place, each) => dot(place, each === epoch ? 10 : 5, colour, ink));
    });
  };

  return () => {
    const epoch = Number(part("epoch").value), ink = getComputedStyle(root).color;
    tables.forEach((context, n) => drawTable(context, n, epoch, ink));
    drawCurve(epoch, ink);
    parts("score").forEach((says, n) => { says.textContent = runs[n].scores[epoch].toFixed(2); });
    part("epoch-says").textContent = `${epoch + 1} of ${epochs}`;
    const told = runs.map(({ title, scores, any }) => `${title} ${scores[epoch].toFixed(2)} of at most ${any.toFixed(2)}`);
    say(`Epoch ${epoch + 1}: STS ${told.join("; ")}. At 0 a class always has the same query.`);
  };
};
