// The score explorer: all protocols computed here, from the probabilities and the true masks of the page.

const draw = ({ root, data, pictures, part, parts, say }) => {
  const [stills, sheet] = pictures;
  const { clips, seconds, shown } = data;
  const width = stills.width, height = stills.height / clips, count = clips * seconds, size = width * height;
  const pixels = pixelsOf(sheet);
  const chosen = (name) => Number(parts(name).find((button) => button.checked).value);
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const reach = Math.ceil(0.008 * Math.hypot(height, width));

  // As in avslib.metrics.j_and_f: a pixel that differs from the next right, below, or below right.
  const contour = (mask) => {
    const edge = new Uint8Array(size);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const [right, down] = [Math.min(x + 1, width - 1), Math.min(y + 1, height - 1)], here = mask[y * width + x];
        edge[y * width + x] = here !== mask[y * width + right] || here !== mask[down * width + x] || here !== mask[down * width + right];
      }
    }
    return edge;
  };
  const near = (edge) => {
    const wide = new Uint8Array(size);
    edge.forEach((on, at) => {
      if (!on) return;
      const [x, y] = [at % width, Math.floor(at / width)];
      for (let v = Math.max(0, y - reach); v <= Math.min(height - 1, y + reach); v++) {
        for (let u = Math.max(0, x - reach); u <= Math.min(width - 1, x + reach); u++) {
          if ((u - x) ** 2 + (v - y) ** 2 <= reach ** 2) wide[v * width + u] = 1;
        }
      }
    });
    return wide;
  };
  const overlap = (one, other) => one.reduce((sum, value, at) => sum + (value && other[at] ? 1 : 0), 0);
  const total = (mask) => mask.reduce((sum, value) => sum + value, 0);

  // F at 255 thresholds, out of one histogram a frame.
  const curveOf = (probability, truth) => {
    const bins = [new Float64Array(256), new Float64Array(256)];
    probability.forEach((byte, at) => { bins[truth[at]][byte] += 1; });
    const curve = new Float64Array(255);
    let byte = 255, hit = 0, marked = 0;
    for (let i = 254; i >= 0; i--) {
      for (; byte >= 0 && byte / 255 >= i / 254; byte--) { hit += bins[1][byte]; marked += bins[0][byte] + bins[1][byte]; }
      const [precision, recall] = [hit / Math.max(1, marked), hit / Math.max(1, total(truth))];
      curve[i] = hit ? 1.3 * precision * recall / (0.3 * precision + recall) : 0;
    }
    return curve;
  };
  const frames = [...Array(count).keys()].map((n) => {
    const probability = new Uint8Array(size), truth = new Uint8Array(size);
    for (let at = 0; at < size; at++) {
      probability[at] = pixels[4 * (n * size + at)];
      truth[at] = pixels[4 * (n * size + at) + 1] > 127 ? 1 : 0;
    }
    const edge = contour(truth);
    return { probability, truth, edge, due: total(edge), around: near(edge), foreground: total(truth), curve: curveOf(probability, truth) };
  });

  const contourScore = (mask, frame) => {
    const edge = contour(mask), length = total(edge);
    if (!length || !frame.due) return length === frame.due ? 1 : 0;
    const precision = overlap(edge, frame.around) / length, recall = overlap(frame.edge, near(edge)) / frame.due;
    return precision + recall ? 2 * precision * recall / (precision + recall) : 0;
  };
  const seen = new Map();  // by threshold: moving back costs nothing
  const markedAt = (step) => {
    if (!seen.has(step)) {
      seen.set(step, frames.map((frame) => {
        const mask = frame.probability.map((byte) => (byte / 255 > step / 254 ? 1 : 0));
        const marked = total(mask), hit = overlap(mask, frame.truth);
        return { mask, marked, hit, union: marked + frame.foreground - hit, contour: contourScore(mask, frame) };
      }));
    }
    return seen.get(step);
  };
  const earns = (rule, frame, now, share) => {
    if (frame.foreground) return now.hit / now.union;
    if (rule === 2) return NaN;
    return rule === 0 && share ? 1 - now.marked / size : Number(now.marked === 0);
  };
  const known = (values) => values.filter((value) => !Number.isNaN(value));
  const batchScores = (marked, perBatch, rule) => {
    return [...Array(Math.ceil(count / perBatch)).keys()].map((batch) => {
      const inside = [...frames.keys()].slice(batch * perBatch, (batch + 1) * perBatch);
      const sounding = inside.filter((n) => frames[n].foreground);
      let best = 0;
      for (let i = 0; i < 255 && sounding.length; i++) best = Math.max(best, mean(sounding.map((n) => frames[n].curve[i])));
      return { miou: mean(known(inside.map((n) => earns(rule, frames[n], marked[n], true)))), f: best };
    });
  };
  const scoresOf = (marked, perBatch, rule) => {
    const parted = batchScores(marked, perBatch, rule);
    const miou = mean(known(parted.map((batch) => batch.miou))), f = mean(parted.map((batch) => batch.f));
    const sum = (pick) => frames.reduce((all, frame, n) => all + pick(frame, marked[n]), 0);
    const hit = sum((_, now) => now.hit), wrong = sum((_, now) => now.marked - now.hit);
    const missed = sum((frame, now) => frame.foreground - now.hit), rest = count * size - hit - wrong - missed;
    const fOf = (right, extra, lost) => 1.3 * right / (1.3 * right + 0.3 * lost + extra);
    const js = known(frames.map((frame, n) => earns(rule, frame, marked[n], false)));
    const fs = frames.map((frame, n) => (rule === 2 && !frame.foreground ? NaN : marked[n].contour));
    const [j, contours] = [mean(js), mean(known(fs))];
    const wrongShares = known([wrong / (wrong + hit), missed / (missed + rest)]);
    return { parted, numbers: [
      [0, "mIoU", miou], [0, "F", f],
      [1, "IoU", hit / (hit + wrong + missed)], [1, "mIoU", (hit / (hit + wrong + missed) + rest / (rest + wrong + missed)) / 2],
      [1, "F", (fOf(hit, wrong, missed) + fOf(rest, missed, wrong)) / 2], [1, "FDR", mean(wrongShares)],
      [2, "J", j], [2, "F", contours], [2, "J&F", (j + contours) / 2],
      [3, "J&F", (miou + f) / 2],
    ] };
  };

  const overlayOf = (inside, [red, green, blue], fill) => {
    const layer = document.createElement("canvas");
    [layer.width, layer.height] = [width, height];
    const context = layer.getContext("2d"), image = context.createImageData(width, height);
    inside.forEach((on, at) => {
      if (!on) return;
      const x = at % width;
      const edge = !inside[at - width] || !inside[at + width] || x === 0 || x === width - 1 || !inside[at - 1] || !inside[at + 1];
      image.data.set([red, green, blue, edge ? 255 : 255 * fill], 4 * at);
    });
    context.putImageData(image, 0, 0);
    return layer;
  };
  const grey = document.createElement("canvas");  // so that the masks' colours are the only ones
  [grey.width, grey.height] = [stills.width, stills.height];
  const shade = grey.getContext("2d");
  shade.drawImage(stills, 0, 0);
  shade.globalCompositeOperation = "saturation";
  shade.fillStyle = "#808080";
  shade.fillRect(0, 0, grey.width, grey.height);
  const view = part("frames").getContext("2d");
  const half = view.canvas.width / 2, tall = height + 44;
  const truths = frames.map((frame) => overlayOf(frame.truth, rgbOf(data.truth), 0));
  const told = (protocol, n, now, rule) => {
    const frame = frames[n], score = earns(rule, frame, now, protocol !== 2);
    if (protocol === 1) return `${now.hit} / ${now.union}`;
    if (Number.isNaN(score)) return "\u2013";
    return protocol === 2 ? `${score.toFixed(2)}  ${now.contour.toFixed(2)}` : score.toFixed(2);
  };
  const drawFrames = (protocol, marked, parted, perBatch, rule) => {
    const ink = getComputedStyle(root).color;
    view.clearRect(0, 0, view.canvas.width, view.canvas.height);
    frames.forEach((frame, n) => {
      const clip = Math.floor(n / seconds), second = n % seconds;
      const x = clip % 2 * half + second * (width + 4) + 4, y = Math.floor(clip / 2) * tall + 24;
      view.drawImage(grey, 0, clip * height, width, height, x, y, width, height);
      view.drawImage(overlayOf(marked[n].mask, rgbOf(data.prediction), 0.55), x, y);
      view.drawImage(truths[n], x, y);
      view.fillStyle = ink;
      view.textAlign = "center";
      view.font = `${frame.foreground ? "" : "italic "}14px system-ui, sans-serif`;
      view.fillText(told(protocol, n, marked[n], rule), x + width / 2, y + height + 15);
      if (protocol === 1 || protocol === 2 || n % perBatch) return;
      const { miou, f } = parted[n / perBatch], late = second > seconds / 2;  // no room to the right
      view.fillRect(x - 3, late ? y : y - 22, 2, late ? height : height + 22);
      if (perBatch < seconds) return;  // no room at all
      view.textAlign = late ? "right" : "left";
      view.font = "600 15px system-ui, sans-serif";
      view.fillText(`batch ${n / perBatch + 1}: mIoU ${Number.isNaN(miou) ? "\u2013" : miou.toFixed(3)}, F ${f.toFixed(3)}`, late ? x + width : x, y - 7);
    });
  };
  const drawBars = (protocol, numbers, before) => {
    const bars = part("bars").getContext("2d"), { width: wide, height: high } = bars.canvas;
    const ink = getComputedStyle(root).color, step = high / numbers.length, left = 215, long = wide - left - 70;
    bars.clearRect(0, 0, wide, high);
    bars.textAlign = "left";
    numbers.forEach(([owner, name, value], row) => {
      const y = row * step, first = row === 0 || numbers[row - 1][0] !== owner;
      bars.globalAlpha = owner === protocol ? 1 : 0.65;
      bars.fillStyle = ink;
      bars.font = `${owner === protocol ? "600 " : ""}15px system-ui, sans-serif`;
      if (first) bars.fillText(shown[owner], 2, y + 0.68 * step);
      bars.fillText(name, 150, y + 0.68 * step);
      bars.fillText(value.toFixed(3), left + long + 10, y + 0.68 * step);
      bars.fillStyle = owner === protocol ? data.prediction : ink;
      bars.fillRect(left, y + 0.2 * step, Math.max(1, long * value), 0.6 * step);
      bars.globalAlpha = 1;
      bars.fillStyle = ink;
      bars.fillRect(left + long * before[row][2] - 1, y + 0.08 * step, 2, 0.84 * step);
    });
  };

  const batch = () => Number(part("batch").value) + 1;
  const start = scoresOf(markedAt(127), batch(), 0).numbers;
  return () => {
    const [protocol, rule, step] = [chosen("protocol"), chosen("rule"), Number(part("threshold").value)];
    const perBatch = batch(), marked = markedAt(step);
    const { parted, numbers } = scoresOf(marked, perBatch, rule);
    drawFrames(protocol, marked, parted, perBatch, rule);
    drawBars(protocol, numbers, start);
    part("threshold-says").textContent = (step / 254).toFixed(3);
    part("batch-says").textContent = `${perBatch} frame${perBatch > 1 ? "s" : ""}`;
    const mine = numbers.filter(([owner]) => owner === protocol).map(([, name, value]) => `${name} ${value.toFixed(3)}`);
    say(`${shown[protocol]}: ${mine.join(", ")}. ` + [
      "F chooses its own threshold for every batch, so the slider of the threshold does not move it; the batch does.",
      "One count over all pixels (under each frame: shared / in either): no batches, no rule for silent frames.",
      "Under each frame: J of the region, F of the contour. There are no batches.",
      "The mean of mIoU and F of avsbench-binary: it moves when either does.",
    ][protocol]);
  };
};
