'use strict';
// Draws /openapi.json. Everything is made by createElement and textContent: no text of a plugin is ever markup.

const methods = ['get', 'post', 'put', 'patch', 'delete'];
const root = document.documentElement;
let api;

function make(tag, properties, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.filter(child => child !== null && child !== undefined));
  return element;
}

/** Follows a $ref within the document. */
function resolve(node) {
  let seen = 0;
  while (node && node.$ref && seen++ < 20)
    node = node.$ref.slice(2).split('/').reduce((at, part) => at?.[part.replace(/~1/g, '/').replace(/~0/g, '~')], api);
  return node ?? {};
}

function typeOf(schema) {
  const found = resolve(schema);
  const name = schema?.$ref?.split('/').pop();
  if (found.enum) return found.enum.map(word => JSON.stringify(word)).join(' | ');
  if (found.type === 'array') return typeOf(found.items) + '[]';
  if (name) return name;
  const type = Array.isArray(found.type) ? found.type.join(' | ') : found.type ?? 'any';
  return found.format ? `${type} (${found.format})` : type;
}

/** An example of a schema, for the reader and for trying. */
function example(schema, depth = 0) {
  const found = resolve(schema);
  if (depth > 6) return null;
  if ('default' in found) return found.default;
  if (found.examples?.length) return found.examples[0];
  if (found.enum) return found.enum[0];
  if (found.anyOf || found.oneOf) return example((found.anyOf ?? found.oneOf)[0], depth + 1);
  if (found.allOf) return Object.assign({}, ...found.allOf.map(part => example(part, depth + 1)));
  const type = Array.isArray(found.type) ? found.type[0] : found.type ?? (found.properties ? 'object' : undefined);
  switch (type) {
    case 'object': return Object.fromEntries(Object.entries(found.properties ?? {}).map(([name, inner]) => [name, example(inner, depth + 1)]));
    case 'array': return [example(found.items, depth + 1)];
    case 'integer': case 'number': return found.minimum ?? 0;
    case 'boolean': return false;
    case 'string':
      return { uuid: '00000000-0000-7000-8000-000000000000', date: '2030-01-31', 'date-time': '2030-01-31T12:00:00Z', time: '12:00:00', duration: '01:30:00' }[found.format] ?? 'text';
    default: return null;
  }
}

function fieldsOf(schema) {
  const found = resolve(schema);
  const target = found.type === 'array' ? resolve(found.items) : found;
  const rows = Object.entries(target.properties ?? {}).map(([name, inner]) => {
    const field = resolve(inner);
    const marks = [target.required?.includes(name) ? 'required' : '', field.readOnly ? 'read-only' : '', field.maxLength !== undefined ? `≤ ${field.maxLength} characters` : '', field.minimum !== undefined ? `≥ ${field.minimum}` : '', field.maximum !== undefined ? `≤ ${field.maximum}` : ''].filter(Boolean).join(', ');
    return make('tr', {}, make('td', {}, make('code', { textContent: name })), make('td', {}, make('code', { textContent: typeOf(inner) })), make('td', { textContent: [field.description, marks].filter(Boolean).join(' · ') }));
  });
  return rows.length ? make('table', {}, ...rows) : null;
}

function bodyOf(operation) {
  const content = resolve(operation.requestBody).content;
  if (!content) return null;
  const [type, media] = Object.entries(content)[0];
  return { type, schema: media.schema ?? {} };
}

/** The form that sends a request, and what comes back. */
function tryIt(path, method, operation, parameters) {
  const inputs = parameters.map(parameter => ({ parameter, input: make('input', { 'aria-label': parameter.name, placeholder: parameter.name === 'filter' ? 'filter[field][$gte]=5 (several with &)' : parameter.description ?? '' }) }));
  const body = bodyOf(operation);
  const draft = body && body.type.includes('json') ? JSON.stringify(example(body.schema), null, 2) : null;
  const editor = draft ? make('textarea', { spellcheck: false, 'aria-label': 'Request body', value: draft, rows: Math.min(24, draft.split('\n').length + 1) }) : null;
  const file = body && !editor ? make('input', { type: 'file', 'aria-label': 'File' }) : null;
  const answer = make('div', { 'aria-live': 'polite' });

  async function send() {
    const headers = {};
    const query = [];
    let address = path;
    for (const { parameter, input } of inputs) {
      const value = input.value.trim();
      if (parameter.in === 'path') address = address.replace(`{${parameter.name}}`, value.split('/').map(encodeURIComponent).join('/'));
      else if (value && parameter.in === 'header') headers[parameter.name] = value;
      else if (value && parameter.name === 'filter') query.push(encodeURI(value));
      else if (value) query.push(`${encodeURIComponent(parameter.name)}=${encodeURIComponent(value)}`);
    }
    const token = document.getElementById('token').value.trim();
    if (token) headers.Authorization = `Bearer ${token}`;
    let content;
    if (editor && editor.value.trim()) { headers['Content-Type'] = body.type; content = editor.value; }
    if (file?.files[0]) { content = new FormData(); content.append('file', file.files[0]); }
    const target = address + (query.length ? '?' + query.join('&') : '');
    const began = performance.now();
    try {
      const response = await fetch(target, { method: method.toUpperCase(), headers, body: content });
      const text = await response.text();
      const shown = (() => { try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; } })();
      const named = ['etag', 'location', 'link', 'x-total-count', 'x-request-id', 'idempotency-replayed'].filter(name => response.headers.has(name)).map(name => `${name}: ${response.headers.get(name)}`);
      answer.replaceChildren(
        make('p', {}, make('span', { className: response.ok ? 'ok' : 'bad', textContent: `${response.status} ${response.statusText}` }), ` in ${Math.round(performance.now() - began)} ms · `, make('code', { textContent: `${method.toUpperCase()} ${target}` })),
        named.length ? make('pre', { textContent: named.join('\n') }) : null,
        make('pre', { textContent: shown.slice(0, 200000) || '(no body)' }));
    } catch (error) {
      answer.replaceChildren(make('p', { className: 'bad', textContent: `No answer: ${error.message}` }));
    }
  }

  const rows = inputs.map(({ parameter, input }) => make('tr', {},
    make('td', {}, make('code', { textContent: parameter.name }), make('div', { className: 'quiet', textContent: parameter.in + (parameter.required ? ', required' : '') })),
    make('td', {}, input)));
  return make('form', { onsubmit: event => { event.preventDefault(); send(); } },
    rows.length ? make('h3', { textContent: 'Parameters' }) : null, rows.length ? make('table', {}, ...rows) : null,
    body ? make('h3', { textContent: `Body · ${body.type}` }) : null, body ? fieldsOf(body.schema) : null, editor, file,
    make('div', { className: 'row' }, make('button', { className: 'go', type: 'submit', textContent: 'Try it' })), answer);
}

function responsesOf(operation) {
  const rows = Object.entries(operation.responses ?? {}).map(([status, reference]) => {
    const response = resolve(reference);
    const media = Object.entries(response.content ?? {})[0];
    return make('tr', {}, make('td', {}, make('code', { textContent: status })), make('td', { textContent: response.description ?? '' }), make('td', {}, media ? make('code', { textContent: typeOf(media[1].schema) }) : ''));
  });
  return [make('h3', { textContent: 'Answers' }), make('table', {}, ...rows)];
}

function draw(path, method, operation) {
  const parameters = (operation.parameters ?? []).map(resolve);
  const element = make('details', { className: 'operation', id: operation.operationId },
    make('summary', {}, make('span', { className: `method ${method}`, textContent: method.toUpperCase() }), make('code', { textContent: path }), make('span', { className: 'quiet', textContent: operation.summary ?? '' })));
  element.addEventListener('toggle', () => {
    // Drawn when first opened: a node with 200 plugins has thousands of operations.
    if (element.open && element.children.length === 1)
      element.append(make('div', { className: 'inside' }, operation.description ? make('p', { textContent: operation.description }) : null, tryIt(path, method, operation, parameters), ...responsesOf(operation)));
  });
  return element;
}

function show(search) {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const groups = new Map();
  for (const [path, item] of Object.entries(api.paths)) {
    for (const method of methods.filter(name => item[name])) {
      const operation = item[method];
      const text = `${method} ${path} ${operation.summary ?? ''} ${operation.operationId} ${operation.tags?.[0] ?? ''}`.toLowerCase();
      if (!words.every(word => text.includes(word))) continue;
      const tag = operation.tags?.[0] ?? 'other';
      if (!groups.has(tag)) groups.set(tag, []);
      groups.get(tag).push([path, method, operation]);
    }
  }
  // Plugins first: they are what a reader came for.
  const tags = [...groups.keys()].sort((a, b) => a.startsWith('platform') - b.startsWith('platform') || a.localeCompare(b));
  const menu = [], main = [];
  for (const tag of tags) {
    const operations = groups.get(tag);
    menu.push(make('h2', { textContent: tag }), ...operations.map(([path, method, operation]) =>
      make('a', { href: '#' + operation.operationId, title: `${method.toUpperCase()} ${path}` }, make('span', { className: `method ${method}`, textContent: method.toUpperCase() }), make('span', { textContent: operation.summary ?? path }))));
    main.push(make('h2', { textContent: tag }), make('p', { className: 'quiet', textContent: api.tags?.find(known => known.name === tag)?.description ?? '' }), ...operations.map(each => draw(...each)));
  }
  document.getElementById('menu').replaceChildren(...menu);
  document.getElementById('main').replaceChildren(...(main.length ? main : [make('p', { className: 'quiet', textContent: 'No route matches.' })]));
}

function openHash() {
  const element = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!(element instanceof HTMLDetailsElement)) return;
  element.open = true;
  element.scrollIntoView({ block: 'start' });
}

const kept = localStorage.getItem('nexus.docs.theme');
if (kept) root.dataset.theme = kept;
document.getElementById('theme').addEventListener('click', () => {
  const dark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  root.dataset.theme = dark ? 'light' : 'dark';
  localStorage.setItem('nexus.docs.theme', root.dataset.theme);
});
// Kept for this tab only: a token is not for the disk.
const token = document.getElementById('token');
token.value = sessionStorage.getItem('nexus.docs.token') ?? '';
token.addEventListener('input', () => sessionStorage.setItem('nexus.docs.token', token.value));
const search = document.getElementById('search');
search.addEventListener('input', () => show(search.value));
addEventListener('keydown', event => {
  if (event.key === '/' && !/^(INPUT|TEXTAREA)$/.test(event.target.tagName)) { event.preventDefault(); search.focus(); }
});
addEventListener('hashchange', openHash);

fetch('/openapi.json').then(response => response.json()).then(document_ => {
  api = document_;
  document.getElementById('version').textContent = api.info.version;
  show('');
  openHash();
}, error => document.getElementById('main').replaceChildren(make('p', { className: 'bad', textContent: `The document cannot be read: ${error.message}` })));
