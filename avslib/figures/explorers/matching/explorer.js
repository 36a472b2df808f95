// The matching explorer: costs of all pairs as masks and weights move, and the assignment that costs least.

const draw = ({ data, pictures, part, parts, say }) => {
  const [picture] = pictures, { width, height } = data, size = width * height, reach = Math.floor(width / 2);
  const targets = data.targets.map((target) => ({ ...target, mask: bytesOf(target.mask) }));
  const colourOf = coloursOf(data.colours);
  const sum = (values) => values.reduce((total, value) => total + value, 0);
  const softplus = (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
  const queries = data.queries.map((query) => {
    const inside = query.logits.map((x) => 1 / (1 + Math.exp(-x)));
    return { ...query, inside, size: sum(inside), apart: sum(query.logits.map(softplus)) };
  });
  parts("query").forEach((canvas, n) => {
    const context = canvas.getContext("2d");
    drawGrey(context, picture);
    context.globalAlpha = 0.65;
    paintCells(context, width, height, (place) => colourOf(Math.round(255 * queries[n].inside[place])));
  });

  const moved = (mask, by) => mask.map((_, place) => {
    const from = place % width - by;
    return from >= 0 && from < width ? mask[place - by] : 0;
  });
  const masksOf = (shifts) => {
    const masks = targets.map(({ mask, rest }) => (rest ? null : moved(mask, shifts.shift())));
    const free = Uint8Array.from({ length: size }, (_, place) => (masks.some((mask) => mask && mask[place]) ? 0 : 1));
    return masks.map((mask) => mask || free);
  };
  // Class, mask and Dice of a target's mask and a query, as in avslib.losses.hungarian.
  const termsOf = (mask, target, query) => {
    const both = sum(query.inside.filter((_, place) => mask[place])), count = sum(mask);
    const apart = query.apart - sum(query.logits.filter((_, place) => mask[place]));
    return [-query.probable[target], apart / size, 1 - (2 * both + 1) / (query.size + count + 1)];
  };
  // Every assignment is tried: rows are few.
  const least = (costs, row = 0, taken = []) => {
    let best = { cost: row < costs.length ? Infinity : 0, order: [] };
    (costs[row] || []).forEach((cost, query) => {
      if (taken.includes(query)) return;
      const rest = least(costs, row + 1, [...taken, query]);
      if (cost + rest.cost < best.cost) best = { cost: cost + rest.cost, order: [query, ...rest.order] };
    });
    return best;
  };
  const drawTarget = (mask, n) => {
    const context = parts("target")[n].getContext("2d");
    drawGrey(context, picture);
    paintMask(context, width, height, (x, y) => mask[y * width + x], rgbOf(targets[n].colour), { fill: 0.6 });
  };
  const fill = (cell, value, now, was) => {
    cell.textContent = `${now ? "\u2713 " : ""}${value.toFixed(2)}`;
    cell.dataset.match = now ? "now" : was ? "was" : "";
  };
  const signed = (by) => (by > 0 ? `+${by}` : `${by}`);
  const start = parts("cell").map((cell) => cell.dataset.match);
  const first = targets.map((_, n) => start.slice(n * queries.length, (n + 1) * queries.length).indexOf("now"));

  return () => {
    const shifts = parts("shift").map((slider) => Number(slider.value) - reach);
    const weights = parts("weight").map((slider) => Number(slider.value));
    const shown = parts("shows").findIndex((button) => button.checked);
    parts("shift-says").forEach((says, n) => { says.textContent = signed(shifts[n]); });
    parts("weight-says").forEach((says, n) => { says.textContent = weights[n]; });
    const masks = masksOf([...shifts]);
    masks.forEach(drawTarget);
    const terms = masks.map((mask, n) => queries.map((query) => termsOf(mask, n, query).map((term, k) => weights[k] * term)));
    const { cost, order } = least(terms.map((row) => row.map(sum)));
    terms.flat().forEach((term, at) => {
      const [row, query] = [Math.floor(at / queries.length), at % queries.length];
      fill(parts("cell")[at], shown ? term[shown - 1] : sum(term), order[row] === query, first[row] === query);
    });
    const numberOf = (query) => `query ${queries[query].number}`;
    const told = targets.map(({ name }, n) => `${name} goes to ${numberOf(order[n])}`
      + (order[n] === first[n] ? "" : `, no longer to ${numberOf(first[n])}`));
    say(`${told.join("; ")}. Together they cost ${cost.toFixed(2)}.`);
  };
};
