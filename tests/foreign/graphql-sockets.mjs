// Drives a host with the clients graphql-ws and graphql-sse; prints what they saw.
import { createClient as createSse } from 'graphql-sse';
import { createClient as createWs } from 'graphql-ws';
import WebSocket from 'ws';

const [address] = process.argv.slice(2);
const seen = {};
const subscription = 'subscription { sampleBillingInvoiceEvents(verbs: ["created"]) { verb record { number } } }';
const create = (number) => ({ query: 'mutation($number: String!) { createSampleBillingInvoice(input: {number: $number}) { number } }', variables: { number } });

function one(client, payload) {
  return new Promise((resolve, reject) => {
    let last;
    client.subscribe(payload, { next: (value) => (last = value), error: reject, complete: () => resolve(last) });
  });
}

async function follow(client, name) {
  const values = [];
  const publish = () => fetch(`${address}/test/publish?number=${name}`, { method: 'POST' });
  await new Promise((resolve, reject) => {
    const stop = client.subscribe({ query: subscription }, {
      next: (value) => {
        values.push(value);
        if (values.length === 2) stop();
      },
      error: reject,
      complete: resolve,
    });
    const timer = setInterval(() => (values.length < 2 ? publish() : clearInterval(timer)), 100);
  });
  return values.slice(0, 2);
}

const ws = createWs({ url: address.replace('http', 'ws') + '/graphql', webSocketImpl: WebSocket, retryAttempts: 0 });
seen.wsQuery = await one(ws, { query: '{ __typename }' });
seen.wsMutation = await one(ws, create('W-1'));
seen.wsInvalid = await one(ws, { query: '{ bogus }' }).catch((errors) => errors.map((e) => e.message));
seen.wsEvents = await follow(ws, 'W');
await ws.dispose();

const sse = createSse({ url: `${address}/graphql`, retryAttempts: 0 });
seen.sseQuery = await one(sse, { query: '{ __typename }' });
seen.sseEvents = await follow(sse, 'S');
sse.dispose();

async function breach(frames, protocol = 'graphql-transport-ws') {
  const socket = new WebSocket(address.replace('http', 'ws') + '/graphql', protocol);
  return new Promise((resolve) => {
    socket.on('open', () => frames.forEach((frame) => socket.send(frame)));
    socket.on('close', (code, reason) => resolve(`${code} ${reason}`));
    socket.on('error', () => {});
  });
}

const init = '{"type":"connection_init"}';
const long = `{"type":"subscribe","id":"1","payload":{"query":${JSON.stringify(subscription)}}}`;
seen.breaches = [
  await breach([init], 'other'),
  await breach(['{']),
  await breach(['[]']),
  await breach(['{"type":"bogus"}']),
  await breach([init, init]),
  await breach(['{"type":"subscribe","id":"1","payload":{"query":"{__typename}"}}']),
  await breach([init, long, long]),
  await breach([init, '{"type":"subscribe"}']),
  await breach([Buffer.from([1, 2])]),
  await breach(['{"type":"connection_init","payload":{"authorization":"Bearer wrong"}}']),
  await breach([]),
];
console.log(JSON.stringify(seen));
process.exit(0);
