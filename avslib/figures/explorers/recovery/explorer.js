// The recovery explorer: three spectrograms with their sounds, and the masks between them.

const draw = ({ data, pictures, part, parts, say }) => {
  const tables = [data.colours.sound, data.colours.mask].map(bytesOf), colourOf = coloursOf(data.colours.mask);
  const canvases = parts("picture").map((canvas) => canvas.getContext("2d")), sounds = parts("sound");
  const coloured = pictures.map((picture, n) => colouredBy(tables[n % canvases.length < sounds.length ? 0 : 1], picture));
  const legend = part("legend").getContext("2d");
  for (let byte = 0; byte < 256; byte++) { legend.fillStyle = colourOf(byte); legend.fillRect(byte, 0, 1, 1); }
  const uris = [sounds.map((sound) => sound.getAttribute("src")), ...data.sounds];
  const chosen = () => Number(parts("scene").find((button) => button.checked).value);

  const leaveBlank = (context) => {
    const { prompted } = data.scenes[chosen()], { width, height } = context.canvas, wide = width / prompted.length;
    prompted.forEach((asked, second) => { if (!asked) context.clearRect(second * wide, 0, wide, height); });
  };
  // The line shows where the sound is that plays; the spectrogram may end a little before it.
  const drawPictures = () => {
    const { looked } = data.scenes[chosen()], playing = sounds.find((sound) => !sound.paused);
    canvases.forEach((context, n) => {
      const { width, height } = context.canvas;
      context.imageSmoothingEnabled = false;
      context.drawImage(coloured[chosen() * canvases.length + n], 0, 0, width, height);
      if (n >= sounds.length) leaveBlank(context);
      context.fillStyle = "#fff";
      if (playing) context.fillRect(Math.min(1, playing.currentTime / looked) * width - 2, 0, 4, height);
    });
  };
  const follow = () => {
    drawPictures();
    if (sounds.some((sound) => !sound.paused)) requestAnimationFrame(follow);
  };
  sounds.forEach((sound) => sound.addEventListener("play", () => {
    sounds.forEach((other) => { if (other !== sound) other.pause(); });
    requestAnimationFrame(follow);
  }));

  return () => {
    const { name, errors, prompted } = data.scenes[chosen()], heard = uris[chosen()];
    sounds.forEach((sound, n) => { if (sound.getAttribute("src") !== heard[n]) sound.src = heard[n]; });
    drawPictures();
    const told = errors ? `In the ${prompted.filter(Boolean).length} seconds with a prompt the mask is off by ${errors[0].toFixed(3)} (mean square, equation 5); `
      + `letting everything through would be off by ${errors[1].toFixed(3)}` : "No class is seen and heard, so nothing is asked for";
    say(`${name}. ${told}.`);
  };
};
