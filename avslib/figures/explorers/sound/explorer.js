// The sound explorer: four sliders choose a log-mel picture, and the sound that was made from it.

const draw = ({ root, data, pictures, part, parts, say }) => {
  const names = ["window", "hop", "bins", "high"];
  const colours = bytesOf(data.colours);
  const view = part("picture").getContext("2d");
  const kept = part("kept"), recording = part("recording");
  const [left, top, right, bottom] = [96, 40, 16, 52];
  const wide = view.canvas.width - left - right, high = view.canvas.height - top - bottom;
  const mel = (hertz) => Math.log1p(hertz / 700);
  const lowest = mel(data.low), highest = mel(Math.max(...data.high));
  const across = (seconds) => left + seconds / data.seconds * wide;
  const up = (hertz) => top + high * (highest - mel(hertz)) / (highest - lowest);
  const at = (name) => Number(part(name).value);
  const chosen = () => names.reduce((index, name) => index * data[name].length + at(name), 0);
  const setting = (name) => data[name][at(name)];
  const number = (value) => value.toLocaleString("en-US", { maximumFractionDigits: 0 });

  const coloured = pictures.map((picture) => colouredBy(colours, picture));

  const drawPicture = () => {
    const picture = coloured[chosen()], hop = setting("hop"), start = (setting("window") - hop) / 2;
    view.fillStyle = "#000004";
    view.fillRect(left, top, wide, high);
    view.save();
    view.beginPath();
    view.rect(left, top, wide, high);
    view.clip();
    view.imageSmoothingEnabled = false;
    const above = up(setting("high"));
    view.drawImage(picture, across(start), above, picture.width * hop / data.seconds * wide, top + high - above);
    view.fillStyle = "#6b7280";
    view.fillRect(left, top, wide, above - top);
    view.restore();
    view.fillStyle = "#fff";
    if (above - top > 40) view.fillText("not looked at", left + wide / 2, (top + above) / 2 + 8);
  };
  const drawAxes = () => {
    const ink = getComputedStyle(root).color;
    view.fillStyle = ink;
    view.textAlign = "right";
    [250, 500, 1000, 2000, 4000].forEach((hertz) => {
      view.fillRect(left - 8, up(hertz) - 1, 8, 2);
      view.fillText(hertz < 1000 ? `${hertz} Hz` : `${hertz / 1000} kHz`, left - 12, up(hertz) + 7);
    });
    view.textAlign = "center";
    for (let tick = 0; tick <= data.seconds + 1e-6; tick += 0.5) {
      view.fillRect(across(tick) - 1, top + high, 2, 8);
      view.fillText(tick ? tick.toFixed(1) : "0 s", across(tick), top + high + 34);
    }
    data.sections.forEach(([name, start], k) => {
      const end = k + 1 < data.sections.length ? data.sections[k + 1][1] : data.seconds;
      view.fillStyle = ink;
      view.fillText(name, across((start + end) / 2), top - 14);
      view.fillStyle = "#fff";
      if (k) view.fillRect(across(start) - 1, top, 2, high);
    });
  };
  const playing = () => [recording, kept].find((sound) => !sound.paused);
  const redraw = () => {
    const [window, hop, bins] = ["window", "hop", "bins"].map(setting);
    const shot = data.shots[chosen()];
    view.clearRect(0, 0, view.canvas.width, view.canvas.height);
    view.font = "22px system-ui, sans-serif";
    view.textAlign = "center";
    drawPicture();
    drawAxes();
    if (playing()) {
      view.fillStyle = "#fff";
      view.fillRect(across(Math.min(data.seconds, playing().currentTime)) - 2, top, 4, high);
    }
    part("window-says").textContent = `${1000 * window} ms`;
    part("hop-says").textContent = `${1000 * hop} ms`;
    part("bins-says").textContent = String(bins);
    part("high-says").textContent = `${number(setting("high"))} Hz`;
    const empty = shot.empty ? ` ${shot.empty} of the bins lie between two steps of the FFT and stay empty.` : "";
    say(`${number(bins / hop)} numbers a second, from ${number(data.rate)} samples. A steady tone is drawn `
      + `${number(2 / window)} Hz wide, a click ${1000 * window} ms long.${empty}`);
    hear(shot.sound);
  };
  // A sound that is being played goes on from where it was.
  const hear = (uri) => {
    if (kept.getAttribute("src") === uri) return;
    const [time, on] = [kept.currentTime, !kept.paused];
    kept.src = uri;
    if (!on) return;
    kept.currentTime = time;
    kept.play().catch(() => {});
  };
  const follow = () => {
    redraw();
    if (playing()) requestAnimationFrame(follow);
  };
  [recording, kept].forEach((sound, k) => sound.addEventListener("play", () => {
    [kept, recording][k].pause();
    requestAnimationFrame(follow);
  }));
  return redraw;
};
