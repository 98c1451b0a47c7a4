'use strict';

const at = (id) => document.getElementById(id);
const path = location.pathname.replace(/\/explorer$/, '');
let running = null;

function headers(accept) {
  const token = at('token').value.trim();
  const all = { 'Content-Type': 'application/json', Accept: accept };
  if (token.startsWith('nx_')) all['X-API-Key'] = token;
  else if (token) all.Authorization = 'Bearer ' + token;
  return all;
}

function show(text, more) {
  at('answer').textContent = more ? at('answer').textContent + text : text;
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

async function run() {
  running?.abort();
  const mine = (running = new AbortController());
  at('stop').disabled = false;
  try {
    const given = at('variables').value.trim();
    const body = JSON.stringify({ query: at('query').value, variables: given ? JSON.parse(given) : undefined });
    const follows = /^\s*subscription\b/m.test(at('query').value);
    const answer = await fetch(path, { method: 'POST', headers: headers(follows ? 'text/event-stream' : 'application/graphql-response+json'), body, signal: mine.signal });
    if (follows && answer.ok) await follow(answer);
    else show(pretty(await answer.text()));
  } catch (error) {
    if (error.name !== 'AbortError') show(String(error));
  }
  if (running === mine) at('stop').disabled = true;
}

async function follow(answer) {
  show('');
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    waiting += value;
    const events = waiting.split('\n\n');
    waiting = events.pop();
    for (const event of events) {
      const data = /^event: next\ndata: (.*)$/m.exec(event);
      if (data) show(pretty(data[1]) + '\n', true);
    }
  }
}

function nameOf(type) {
  return type.kind === 'NON_NULL' ? nameOf(type.ofType) + '!' : type.kind === 'LIST' ? '[' + nameOf(type.ofType) + ']' : type.name;
}

function element(tag, text, ...children) {
  const made = document.createElement(tag);
  if (text) made.textContent = text;
  made.append(...children);
  return made;
}

function describe(type) {
  const list = element('dl');
  for (const field of [...(type.fields ?? []), ...(type.inputFields ?? [])]) {
    const given = field.args?.length ? '(' + field.args.map((a) => a.name + ': ' + nameOf(a.type)).join(', ') + ')' : '';
    list.append(element('dt', field.name + given + ': ' + nameOf(field.type)));
    if (field.description) list.append(element('dd', field.description));
  }
  for (const value of type.enumValues ?? []) list.append(element('dt', value.name));
  return element('details', '', element('summary', type.name), element('p', type.description ?? ''), list);
}

const inspect = `{ __schema { types { kind name description fields { name description args { name type { ...T } } type { ...T } } inputFields { name description type { ...T } } enumValues { name } } } }
fragment T on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } }`;

async function draw() {
  const answer = await fetch(path, { method: 'POST', headers: headers('application/json'), body: JSON.stringify({ query: inspect }) });
  const { data, errors } = await answer.json();
  if (!data) {
    at('schema').textContent = errors?.[0]?.message ?? 'The schema cannot be read.';
    return;
  }
  const first = ['Query', 'Mutation', 'Subscription'];
  const rank = (type) => (first.includes(type.name) ? first.indexOf(type.name) : first.length);
  const types = data.__schema.types.filter((type) => !type.name.startsWith('__')).sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name));
  const drawn = types.map((type) => ({ type, node: describe(type) }));
  at('schema').replaceChildren(...drawn.map((one) => one.node));
  at('search').oninput = () => {
    const word = at('search').value.toLowerCase();
    for (const { type, node } of drawn) node.hidden = !(type.name.toLowerCase().includes(word) || type.fields?.some((f) => f.name.toLowerCase().includes(word)));
  };
}

at('query').value = '{\n  plugins {\n    id\n    version\n    state\n  }\n}';
at('run').onclick = run;
at('stop').onclick = () => running?.abort();
at('token').onchange = draw;
document.addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) run();
});
draw();
