// The scene player: ticks choose the sounds, the second chooses the mask.

const draw = ({ root, data, pictures, part, parts, say }) => {
  const [picture, masks] = pictures;
  const { width, height } = picture;
  const pixels = pixelsOf(masks);
  const bits = Uint8Array.from({ length: width * height }, (_, i) => pixels[4 * i]);
  const context = part("scene").getContext("2d");
  const boxes = parts("heard");
  const sounds = boxes.map((box) => box.closest("label").querySelector("audio"));
  const seconds = part("second");
  const lines = root.querySelectorAll(".avs-now");
  let playing = false;

  const clock = () => sounds.find((sound) => sound)?.currentTime ?? 0;
  const seek = (time) => sounds.forEach((sound) => { if (sound) sound.currentTime = time; });
  const stop = () => {
    playing = false;
    sounds.forEach((sound) => sound?.pause());
    part("play").textContent = "\u25B6 play";
  };
  const follow = () => {
    if (!playing) return;
    const now = clock();
    if (now >= data.seconds || sounds.every((sound) => !sound || sound.ended)) { stop(); seek(0); return; }
    const second = Math.min(data.seconds - 1, Math.floor(now));
    if (second !== Number(seconds.value)) { seconds.value = second; redraw(); }
    placeLines(now);
    requestAnimationFrame(follow);
  };
  const placeLines = (time) => lines.forEach((line) => { line.style.left = `${100 * Math.min(1, time / data.seconds)}%`; });

  part("play").addEventListener("click", () => {
    if (playing) { stop(); return; }
    playing = true;
    part("play").textContent = "\u25A0 stop";
    const last = clock() >= data.seconds - 0.05;
    if (last) seek(0);
    sounds.forEach((sound) => sound?.play());
    requestAnimationFrame(follow);
  });
  seconds.addEventListener("input", () => seek(Number(seconds.value)));

  const redraw = () => {
    const second = Number(seconds.value);
    boxes.forEach((box, k) => { if (sounds[k]) sounds[k].muted = !box.checked; });
    const heard = data.tracks.map((track, k) => boxes[k].checked && track.sounding[second]);
    context.imageSmoothingQuality = "high";
    context.drawImage(picture, 0, 0, context.canvas.width, context.canvas.height);
    const asked = data.tracks.reduce((sum, track, k) => sum | (heard[k] && track.seen ? 1 << k : 0), 0);
    if (asked) paintMask(context, width, height, (x, y) => !(bits[y * width + x] & asked), [0, 0, 0], { fill: 0.4, thick: 0 });
    data.tracks.forEach((track, k) => {
      if (!(asked >> k & 1)) return;
      paintMask(context, width, height, (x, y) => bits[y * width + x] >> k & 1, rgbOf(track.colour), { thick: 3 });
    });
    if (!playing) placeLines(second);
    part("second-says").textContent = `${second + 1} of ${data.seconds}`;
    say(describe(second, heard, asked));
  };

  const describe = (second, heard, asked) => {
    const names = (seen) => data.tracks.filter((track, k) => heard[k] && track.seen === seen).map((track) => track.name);
    const share = bits.reduce((count, bit) => count + (bit & asked ? 1 : 0), 0) / bits.length;
    const [seen, unseen] = [names(true), names(false)];
    const mask = seen.length ? `the mask is the ${seen.join(" and the ")}, ${Math.round(100 * share)} % of the picture`
      : "the mask is empty";
    const off = unseen.length ? ` The ${unseen.join(" and the ")} is heard but not seen: no mask for it.` : "";
    const nobody = seen.length || unseen.length ? "" : "nobody sounds, and ";
    return `Second ${second + 1}: ${nobody}${mask}.${off}`;
  };
  return redraw;
};
