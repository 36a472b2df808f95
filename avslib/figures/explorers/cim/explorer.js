// The CIM explorer: unsure places or AVGA's attention over the picture, and the share of queries kept.

const draw = ({ data, root, pictures, part, parts, say }) => {
  const [picture, sheet] = pictures;
  const { width, height } = picture;
  const truthPixels = pixelsOf(sheet);
  const colours = bytesOf(data.colours);
  const unpack = (stage) => ({ ...stage, values: bytesOf(stage.values) });
  const moments = data.moments.map((m) => ({ name: m.name, logits: m.logits.map(unpack), attention: m.attention.map(unpack) }));
  const chosen = (name) => Number(parts(name).find((button) => button.checked).value);
  const truth = (second) => (x, y) => truthPixels[4 * ((second * height + y) * width + x)] > 0;
  const percent = (share) => `${(100 * share).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`;
  const giga = (value) => (value / 1e6 >= 1000 ? `${(value / 1e9).toFixed(2)} G` : `${(value / 1e6).toFixed(1)} M`);

  // Masks of all stages at one moment, coarse to fine: one byte a place, second after second.
  const masksOf = (moment, c, progressive) => {
    const bound = Math.log(c / (1 - c));
    const masks = [];
    moment.logits.forEach((stage, number) => {
      const mask = Uint8Array.from(stage.values, (v) => (Math.abs((v - 128) / 127 * data.range) < bound ? 1 : 0));
      const above = number > 0 && progressive ? moment.logits[number - 1] : null;
      if (above) {
        for (let i = 0; i < mask.length; i++) {
          const place = i % (stage.width * stage.height), second = (i - place) / (stage.width * stage.height);
          const row = Math.floor(Math.floor(place / stage.width) * above.height / stage.height);
          const column = Math.floor(place % stage.width * above.width / stage.width);
          mask[i] &= masks[number - 1][(second * above.height + row) * above.width + column];
        }
      }
      masks.push(mask);
    });
    return masks;
  };
  const share = (mask) => mask.reduce((sum, bit) => sum + bit, 0) / mask.length;
  // Kept at each stage: everything at the coarsest, then what the stage before was unsure about.
  const keptOf = (moment, c, progressive) => [1, ...masksOf(moment, c, progressive).slice(0, -1).map(share)];
  const costOf = (kept) => data.costs.reduce((sum, [fixed, asking], i) => sum + fixed + kept[i] * asking, 0);

  const map = part("map").getContext("2d");
  const drawPicture = () => {
    map.globalAlpha = 1;
    map.drawImage(picture, 0, 0, map.canvas.width, map.canvas.height);
    map.globalCompositeOperation = "saturation";
    map.fillStyle = "#808080";
    map.fillRect(0, 0, map.canvas.width, map.canvas.height);
    map.globalCompositeOperation = "source-over";
  };
  const cells = (stage, colour) => {
    const [wide, high] = [map.canvas.width / stage.width, map.canvas.height / stage.height];
    for (let row = 0; row < stage.height; row++) {
      for (let column = 0; column < stage.width; column++) {
        const fill = colour(row * stage.width + column);
        if (!fill) continue;
        map.fillStyle = fill;
        const [left, top] = [Math.round(column * wide), Math.round(row * high)];
        map.fillRect(left, top, Math.round((column + 1) * wide) - left, Math.round((row + 1) * high) - top);
      }
    }
  };
  const drawMap = (moment, number, second, view, mask) => {
    drawPicture();
    map.globalAlpha = 0.6;
    if (view === 0) {
      const stage = moment.logits[number], size = stage.width * stage.height;
      cells(stage, (place) => mask[second * size + place] && data.unsure);
    } else {
      const stage = moment.attention[number], size = stage.width * stage.height;
      const groups = view === 1 ? [...Array(data.groups).keys()] : [view - 2];
      cells(stage, (place) => {
        const sum = groups.reduce((s, g) => s + stage.values[(second * data.groups + g) * size + place], 0);
        const byte = Math.round(sum / groups.length * stage.top);
        return `rgb(${colours.slice(3 * Math.min(255, byte), 3 * Math.min(255, byte) + 3).join(",")})`;
      });
    }
    map.globalAlpha = 1;
    paintMask(map, width, height, truth(second), [0, 0, 0], { fill: 0, thick: 5 });
    paintMask(map, width, height, truth(second), rgbOf(data.truth), { fill: 0, thick: 3 });
  };
  const drawLegend = (view, c) => {
    const legend = part("legend").getContext("2d");
    for (let byte = 0; byte < 256; byte++) {
      const sure = byte / 255 > c || byte / 255 < 1 - c;
      legend.fillStyle = view === 0 ? (sure ? "#8c8c8c" : data.unsure)
        : `rgb(${colours.slice(3 * byte, 3 * byte + 3).join(",")})`;
      legend.fillRect(byte, 0, 1, 1);
    }
    part("low").textContent = view === 0 ? "probability 0" : "0";
    part("high").textContent = view === 0 ? "1; in colour: unsure, may ask" : "cosine 1";
  };
  const drawTrend = (c, progressive, now) => {
    const trend = part("trend").getContext("2d");
    const { width: wide, height: high } = trend.canvas;
    const ink = getComputedStyle(root).color;
    const [left, right, top, bottom] = [58, wide - 128, 14, high - 46];
    const x = (i) => (moments.length > 1 ? left + i / (moments.length - 1) * (right - left) : (left + right) / 2);
    const y = (kept) => bottom - kept * (bottom - top);
    trend.clearRect(0, 0, wide, high);
    trend.font = "17px system-ui, sans-serif";
    trend.lineWidth = 1;
    trend.strokeStyle = trend.fillStyle = ink;
    trend.textAlign = "right";
    for (const kept of [0, 0.5, 1]) {
      trend.fillText(percent(kept), left - 8, y(kept) + 6);
      trend.globalAlpha = 0.3;
      trend.strokeRect(left, y(kept), right - left, 0);
      trend.globalAlpha = 1;
    }
    trend.setLineDash([4, 4]);
    trend.strokeRect(x(now), top, 0, bottom - top);
    trend.setLineDash([]);
    trend.textAlign = "center";
    moments.forEach((moment, i) => {
      if (i === 0 || i === moments.length - 1 || i === now) trend.fillText(moment.name.replace("step ", ""), x(i), bottom + 22);
    });
    trend.fillText("step", (left + right) / 2, high - 4);
    trend.textAlign = "left";
    const kept = moments.map((moment) => keptOf(moment, c, progressive));
    for (let stage = 1; stage < data.stages.length; stage++) {
      trend.strokeStyle = trend.fillStyle = data.lines[stage - 1];
      trend.lineWidth = 3;
      trend.setLineDash(stage % 2 ? [] : [9, 5]);
      trend.beginPath();
      kept.forEach((ratios, i) => trend[i ? "lineTo" : "moveTo"](x(i), y(ratios[stage])));
      trend.stroke();
      trend.setLineDash([]);
      kept.forEach((ratios, i) => { trend.beginPath(); trend.arc(x(i), y(ratios[stage]), i === now ? 7 : 4, 0, 7); trend.fill(); });
      trend.fillStyle = ink;
      trend.fillText(`at stage ${data.stages[stage]}`, right + 40, top + 8 + 26 * stage);
      trend.fillStyle = data.lines[stage - 1];
      trend.fillRect(right + 14, top + 26 * stage, 20, 5);
    }
  };

  return () => {
    const [view, number, alone] = ["view", "stage", "progression"].map(chosen);
    const [step, now, second] = ["c", "moment", "second"].map((name) => Number(part(name).value));
    const c = data.thresholds[step], moment = moments[now];
    const masks = masksOf(moment, c, !alone);
    drawMap(moment, number, second, view, masks[number]);
    drawLegend(view, c);
    drawTrend(c, !alone, now);
    part("c-says").textContent = c;
    part("moment-says").textContent = moment.name;
    part("second-says").textContent = `${second + 1} of ${data.seconds}`;
    const kept = keptOf(moment, c, !alone), last = number === data.stages.length - 1;
    say(`${moment.name}, c = ${c}: stage ${data.stages[number]} is unsure about ${percent(share(masks[number]))} of its places`
      + (last ? ", and nobody asks after it. " : `; so many may ask at stage ${data.stages[number + 1]}. `)
      + `All QSCA of this clip: ${giga(costOf(kept))} multiply-adds, ${percent(costOf(kept) / costOf(kept.map(() => 1)))} of the full cost.`);
  };
};
