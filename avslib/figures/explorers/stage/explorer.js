// The stage: one cut-out that is dragged over a picture, and the sound that belongs to each place.

const draw = ({ root, data, pictures, part, parts, say }) => {
  const [picture, cutout] = pictures;
  const { width, height } = picture;
  const pixels = pixelsOf(cutout);
  const [leftColour, rightColour, maskColour] = data.colours;
  const { places } = data;
  const sounds = parts("sound");  // one for each place, then the same with the sides swapped
  const slider = part("place");
  const stage = part("stage").getContext("2d");
  const ears = part("ears").getContext("2d");
  const flip = () => Number(parts("flip").find((button) => button.checked).value);
  let playing = false, heard = 0, mirroredBefore = flip() > 0;

  const listen = (number) => {
    if (number === heard) return;
    const time = sounds[heard].currentTime;
    sounds[heard].pause();
    heard = number;
    if (!playing) return;
    sounds[heard].currentTime = time;
    sounds[heard].play();
  };
  part("play").addEventListener("click", () => {
    playing = !playing;
    part("play").textContent = playing ? "\u25A0 stop" : "\u25B6 play";
    if (playing) sounds[heard].play(); else sounds.forEach((sound) => sound.pause());
  });

  // The picture is drawn as it was composed, through a mirror if asked for.
  const drawStage = (place, mirrored) => {
    const scale = stage.canvas.width / width;
    stage.setTransform(mirrored ? -1 : 1, 0, 0, 1, mirrored ? stage.canvas.width : 0, 0);
    stage.imageSmoothingQuality = "high";
    stage.drawImage(picture, 0, 0, stage.canvas.width, stage.canvas.height);
    stage.drawImage(cutout, place.left * scale, data.top * scale, cutout.width * scale, cutout.height * scale);
    const solid = (x, y) => {
      const [column, row] = [x - place.left, y - data.top];
      return column >= 0 && row >= 0 && column < cutout.width && row < cutout.height
        && pixels[4 * (row * cutout.width + column) + 3] > data.solid;
    };
    paintMask(stage, width, height, solid, [0, 0, 0], { fill: 0, thick: 5 });
    paintMask(stage, width, height, solid, rgbOf(maskColour), { fill: 0.12, thick: 3 });
    for (const [colour, thick] of [["#000", 6], [maskColour, 2]]) {
      stage.strokeStyle = colour;
      stage.lineWidth = thick;
      stage.beginPath();
      stage.moveTo(place.position * stage.canvas.width, 0);
      stage.lineTo(place.position * stage.canvas.width, stage.canvas.height);
      stage.stroke();
    }
    stage.setTransform(1, 0, 0, 1, 0, 0);
  };
  const drawEars = (right) => {
    const { width: wide, height: high } = ears.canvas;
    ears.clearRect(0, 0, wide, high);
    ears.font = "600 20px system-ui, sans-serif";
    const step = (wide - 150) / data.shape.length;
    [["left", 1 - right, leftColour], ["right", right, rightColour]].forEach(([side, gain, colour], row) => {
      const middle = high * (row ? 0.75 : 0.25);
      ears.fillStyle = colour;
      data.shape.forEach((value, k) => {
        const half = Math.max(1, 0.23 * high * gain * value);
        ears.fillRect(150 + k * step, middle - half, Math.max(1, 0.8 * step), 2 * half);
      });
      ears.fillStyle = getComputedStyle(root).color;
      ears.fillText(`${side} ${gain.toFixed(2)}`, 4, middle + 7);
    });
  };

  const redraw = () => {
    const mode = flip(), mirrored = mode > 0;
    const last = places.length - 1;
    if (mirrored !== mirroredBefore) slider.value = last - Number(slider.value);
    mirroredBefore = mirrored;
    const number = mirrored ? last - Number(slider.value) : Number(slider.value);
    const { position } = places[number];
    const seen = mirrored ? 1 - position : position, right = mode === 1 ? 1 - position : position;
    listen(mode === 1 ? places.length + number : number);
    drawStage(places[number], mirrored);
    drawEars(right);
    part("place-says").textContent = seen.toFixed(2);
    const where = `The ${data.name} is seen at ${seen.toFixed(2)} and heard at ${right.toFixed(2)}, from 0 (left) to 1 (right)`;
    say(mode === 2 ? `${where}. A model that goes by direction is taught the wrong side.`
      : `${where}: ${Math.round(100 * (1 - right))} % of the wave goes to the left ear, ${Math.round(100 * right)} % to the right.`);
  };
  const nearest = (x) => {
    const mirrored = flip() > 0;
    const off = places.map(({ position }) => Math.abs((mirrored ? 1 - position : position) - x));
    const number = off.indexOf(Math.min(...off));
    return mirrored ? places.length - 1 - number : number;
  };
  const drag = (event) => {
    if (event.type === "pointermove" && !event.buttons) return;
    const box = stage.canvas.getBoundingClientRect();
    slider.value = nearest((event.clientX - box.left) / box.width);
    redraw();
  };
  stage.canvas.addEventListener("pointerdown", drag);
  stage.canvas.addEventListener("pointermove", drag);
  stage.canvas.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by) return;
    slider.value = Number(slider.value) + by;
    event.preventDefault();
    redraw();
  });
  return redraw;
};
