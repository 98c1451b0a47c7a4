// Follows a host with the clients ws and eventsource; prints what they saw.
import { EventSource } from 'eventsource';
import WebSocket from 'ws';

const [address, token] = process.argv.slice(2);
const seen = {};
const publish = (number) => fetch(`${address}/test/publish?number=${number}`, { method: 'POST', headers: { authorization: `Bearer ${token}` } });

function open(headers) {
  const socket = new WebSocket(address.replace('http', 'ws') + '/live', { headers });
  const waiting = [];
  const arrived = [];
  socket.on('message', (data) => {
    const message = JSON.parse(data);
    const next = waiting.shift();
    if (next) next(message);
    else arrived.push(message);
  });
  return {
    opened: new Promise((resolve) => socket.on('open', resolve)),
    closed: new Promise((resolve) => socket.on('close', (code, reason) => resolve(`${code} ${reason}`))),
    send: (message) => socket.send(JSON.stringify(message)),
    next: () => (arrived.length ? Promise.resolve(arrived.shift()) : new Promise((resolve) => waiting.push(resolve))),
    raw: socket,
  };
}

const first = open();
await first.opened;
first.send({ type: 'auth', token });
seen.ready = (await first.next()).type;
first.send({ type: 'subscribe', id: 's', resource: 'sample.billing.invoices', filter: { number: { $prefix: 'A' } } });
seen.subscribed = (await first.next()).type;
await publish('B-1');
await publish('A-1');
const told = await first.next();
seen.told = told.data.record.number;
first.send({ type: 'rpc', id: 'r', resource: 'sample.billing.invoices', method: 'list', params: { filter: { number: 'A-1' } } });
seen.listed = (await first.next()).result.map((record) => record.number);
first.raw.terminate();

// What happens while nobody listens is told on the way back.
await publish('A-2');
const second = open({ authorization: `Bearer ${token}` });
await second.opened;
await second.next();
second.send({ type: 'resume', after: told.at });
await second.next();
second.send({ type: 'subscribe', id: 's', resource: 'sample.billing.invoices', filter: { number: { $prefix: 'A' } } });
await second.next();
seen.resumed = (await second.next()).data.record.number;
second.raw.close(1000);
seen.closed = await second.closed;

const third = open();
await third.opened;
third.send({ type: 'auth', token: 'wrong' });
seen.refused = await third.closed;

const fetchAs = (url, init) => fetch(url, { ...init, headers: { ...init.headers, authorization: `Bearer ${token}` } });
const source = new EventSource(`${address}/live?resource=sample.billing.invoices&filter[number][$prefix]=C`, { fetch: fetchAs });
const numbers = [];
await new Promise((resolve) => source.addEventListener('ready', resolve));
const all = new Promise((resolve) => source.addEventListener('message', (event) => {
  numbers.push([event.lastEventId, JSON.parse(event.data).record.number].join(' '));
  if (numbers.length === 2) resolve();
}));
await publish('C-1');
await publish('D-1');
await publish('C-2');
await all;
source.close();
seen.streamed = numbers;
console.log(JSON.stringify(seen));
process.exit(0);
