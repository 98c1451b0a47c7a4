// Runs in a frame without origin, storage or network. Everything goes over the one port that the console gives it.
const pad = document.getElementById('pad');
const said = document.getElementById('said');
const draw = pad.getContext('2d');
const waiting = new Map();
let port = null;
let strokes = [];
let ids = 0;

/** Asks the console; the answer comes by the same id. */
function ask(message) {
  const id = ++ids;
  return new Promise((resolve, reject) => {
    waiting.set(id, { resolve, reject });
    port.postMessage({ id, ...message });
  });
}

function paint() {
  draw.clearRect(0, 0, pad.width, pad.height);
  draw.strokeStyle = getComputedStyle(document.body).color;
  draw.lineWidth = 2;
  for (const stroke of strokes) {
    draw.beginPath();
    stroke.forEach(([x, y], at) => (at === 0 ? draw.moveTo(x, y) : draw.lineTo(x, y)));
    draw.stroke();
  }
}

window.addEventListener('message', (event) => {
  if (event.source !== window.parent || event.data?.type !== 'nexus') return;
  port = event.ports[0];
  port.onmessage = ({ data }) => {
    const asked = waiting.get(data.id);
    waiting.delete(data.id);
    if (data.error) asked?.reject(new Error(data.error.message));
    else asked?.resolve(data.value);
  };
  document.documentElement.lang = event.data.language;
  document.documentElement.classList.toggle('dark', event.data.scheme === 'dark');
  strokes = event.data.state ?? [];
  paint();
  document.documentElement.dataset.ready = 'true';
});

const at = (event) => [Math.round((event.offsetX * pad.width) / pad.clientWidth), Math.round((event.offsetY * pad.height) / pad.clientHeight)];
pad.addEventListener('pointerdown', (event) => strokes.push([at(event)]));
pad.addEventListener('pointermove', (event) => {
  if (event.buttons === 0 || strokes.length === 0) return;
  strokes.at(-1).push(at(event));
  paint();
});
pad.addEventListener('pointerup', () => void ask({ type: 'keep', state: strokes }));
document.getElementById('clear').addEventListener('click', () => {
  strokes = [];
  paint();
  void ask({ type: 'keep', state: strokes });
});
document.getElementById('pin').addEventListener('click', async () => {
  try {
    const note = await ask({ type: 'send', method: 'POST', path: 'notes', body: { text: `A sketch of ${strokes.length} strokes` } });
    said.textContent = note.text;
  } catch (error) {
    said.textContent = error.message;
  }
});
