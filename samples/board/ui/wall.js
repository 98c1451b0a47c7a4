// Notes in columns, moved by dragging or by a button. React is the console's own: its import map names it.
import { createElement as h, useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';

const stages = ['Open', 'Begun', 'Done'];
const words = {
  en: { Open: 'Open', Begun: 'Begun', Done: 'Done', note: 'New note', pin: 'Pin it', on: 'Move on', none: 'Nothing here' },
  de: { Open: 'Offen', Begun: 'Begonnen', Done: 'Fertig', note: 'Neue Notiz', pin: 'Anheften', on: 'Weiter', none: 'Nichts hier' },
};

function Wall({ context }) {
  const say = words[context.language] ?? words.en;
  const [notes, setNotes] = useState([]);
  const [text, setText] = useState('');
  const [fault, setFault] = useState(null);
  const attempt = async (work) => {
    try {
      await work();
      setNotes(await context.get('notes?limit=200&sort=createdAt'));
      setFault(null);
    } catch (error) {
      setFault(error.message);
    }
  };
  useEffect(() => {
    void attempt(async () => {});
    return context.watch('board.notes', () => void attempt(async () => {}));
  }, []);
  const move = (id, stage) => attempt(() => context.send('PATCH', `notes/${id}`, { stage }));
  const pin = (event) => {
    event.preventDefault();
    void attempt(async () => {
      await context.send('POST', 'notes', { text });
      setText('');
    });
  };
  return h('div', null,
    h('form', { onSubmit: pin, className: 'board-new' },
      h('input', { name: 'note', 'aria-label': say.note, placeholder: say.note, value: text, onChange: (event) => setText(event.target.value), required: true, maxLength: 300 }),
      h('button', { type: 'submit' }, say.pin)),
    fault && h('p', { role: 'alert', className: 'board-fault' }, fault),
    h('div', { className: 'board' }, stages.map((stage, at) => h('section', {
      key: stage, 'aria-label': say[stage],
      onDragOver: (event) => event.preventDefault(),
      onDrop: (event) => { event.preventDefault(); void move(event.dataTransfer.getData('text/plain'), stage); },
    },
    h('h2', null, say[stage]),
    notes.filter((note) => note.stage === stage).map((note) => h('article', { key: note.id, draggable: true, onDragStart: (event) => event.dataTransfer.setData('text/plain', note.id) },
      h('p', null, note.text),
      at < stages.length - 1 && h('button', { type: 'button', 'aria-label': `${say.on}: ${note.text}`, onClick: () => void move(note.id, stages[at + 1]) }, say.on))),
    notes.every((note) => note.stage !== stage) && h('p', { className: 'board-none' }, say.none)))));
}

export function mount(element, context) {
  const style = document.createElement('link');
  style.rel = 'stylesheet';
  style.href = context.address('wall.css');
  const place = document.createElement('div');
  element.append(style, place);
  const root = createRoot(place);
  root.render(h(Wall, { context }));
  return () => root.unmount();
}
