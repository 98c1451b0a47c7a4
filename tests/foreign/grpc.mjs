// Drives a host with @grpc/grpc-js; prints what it saw. Arguments: address of HTTP, port of HTTP/2, with TLS the file of the certificate that vouches for it.
import { createRequire } from 'node:module';
import fs from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import os from 'node:os';
import path from 'node:path';
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';

const require = createRequire(import.meta.url);
const protobuf = require('protobufjs');
const [address, port, authority] = process.argv.slice(2);
const ca = authority && fs.readFileSync(authority);
const target = `127.0.0.1:${port}`;
const options = { longs: String, enums: String, defaults: false, oneofs: true };
const seen = {};

// The files as the host serves them, read by somebody else's parser.
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'protos-'));
const listed = JSON.parse((await ask('/grpc/protos')).body);
for (const { name } of listed) {
  const file = path.join(folder, name);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, (await ask(`/grpc/protos/${name}`)).body);
}
seen.files = listed.map((file) => file.name);
const types = grpc.loadPackageDefinition(loader.loadSync(listed.map((file) => file.name), { ...options, includeDirs: [folder] }));
fs.rmSync(folder, { recursive: true });
const credentials = ca ? grpc.credentials.createSsl(ca) : grpc.credentials.createInsecure();
const resources = new types.nexus.v1.Resources(target, credentials);
const orders = new types.nexus.plugins.orders.Orders(target, credentials);
const health = new types.grpc.health.v1.Health(target, credentials);

/** Details of an error: a google.rpc.Status with ErrorInfo and BadRequest. */
const rpc = protobuf.parse(`syntax = "proto3"; package google.rpc;
  message Any { string type_url = 1; bytes value = 2; }
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
  message ErrorInfo { string reason = 1; string domain = 2; map<string, string> metadata = 3; }
  message BadRequest { repeated Violation field_violations = 1; message Violation { string field = 1; string description = 2; string reason = 3; } }`).root;

function explain(error) {
  const [details] = error.metadata?.get('grpc-status-details-bin') ?? [];
  const known = { code: grpc.status[error.code], message: error.details };
  if (!details) return known;
  for (const any of rpc.lookupType('google.rpc.Status').decode(details).details) {
    const name = any.typeUrl.split('/').pop();
    known[name.split('.').pop()] = rpc.lookupType(name).decode(any.value).toJSON();
  }
  if (known.ErrorInfo) known.ErrorInfo.metadata = Object.keys(known.ErrorInfo.metadata);
  return known;
}

const unary = (client, method, request, metadata = new grpc.Metadata(), more = {}) => new Promise((resolve) => {
  const call = client[method](request, metadata, more, (error, answer) => resolve(error ? explain(error) : answer));
  if (more.cancelAfter !== undefined) setTimeout(() => call.cancel(), more.cancelAfter);
});

const all = (call) => new Promise((resolve) => {
  const messages = [];
  call.on('data', (message) => messages.push(message));
  call.on('error', (error) => resolve({ messages, error: explain(error) }));
  call.on('end', () => resolve({ messages }));
});

const struct = (fields) => ({ fields: Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, typeof value === 'number' ? { numberValue: value } : typeof value === 'object' ? { structValue: struct(value) } : { stringValue: value }])) });
const plain = (value) => value.structValue ? plainStruct(value.structValue) : value.listValue ? value.listValue.values.map(plain) : value.kind === 'nullValue' ? null : value.numberValue ?? value.stringValue ?? value.boolValue;
const plainStruct = (fields) => Object.fromEntries(Object.entries(fields.fields ?? {}).map(([name, value]) => [name, plain(value)]));

// Unary, by the service for all and by the resource's own.
const created = await unary(resources, 'Create', { resource: 'orders.orders', record: struct({ customer: 'Ada', sku: 'A-1', quantity: 2, total: { amount: '12.30', currency: 'EUR' } }) });
seen.created = { revision: created.revision, customer: plainStruct(created.fields).customer, total: plainStruct(created.fields).total };
const got = await unary(orders, 'Get', { id: created.id });
seen.typed = { customer: got.customer, quantity: got.quantity, total: got.total, status: got.status, at: Math.abs(Date.now() / 1000 - Number(got.createdAt.seconds)) < 60 };
seen.generic = plainStruct((await unary(resources, 'Get', { resource: 'orders.orders', id: created.id, fields: ['customer', 'status'] })).fields);
await ask(`/api/business/orders/orders/${created.id}/attachments?name=a.txt`, { method: 'POST', headers: { 'content-type': 'text/plain' } }, 'five!');
seen.attached = (await unary(resources, 'ListAttachments', { resource: 'orders.orders', id: created.id })).attachments.map((file) => [file.name, file.contentType, file.size, file.url.endsWith(file.id), Math.abs(Date.now() / 1000 - Number(file.createdAt.seconds)) < 60]);
seen.notAttached = (await unary(resources, 'ListAttachments', { resource: 'orders.orders', id: '00000000-0000-7000-8000-000000000000' })).code;
seen.updated = await unary(orders, 'Update', { id: created.id, record: { quantity: 5 }, ifRevision: created.revision }).then((order) => [order.quantity, order.revision, order.customer]);
seen.cleared = await unary(orders, 'Update', { id: created.id, clear: ['total'] }).then((order) => order.total ?? null);
seen.stale = await unary(orders, 'Update', { id: created.id, record: { quantity: 6 }, ifRevision: 1 });
seen.paid = (await unary(orders, 'Pay', { id: created.id })).status;
seen.paidTwice = await unary(resources, 'Act', { resource: 'orders.orders', id: created.id, action: 'pay' });
seen.invalid = await unary(orders, 'Create', { record: { customer: '', sku: 'A', quantity: 0 } });
seen.missing = await unary(orders, 'Get', { id: '00000000-0000-7000-8000-000000000000' });
seen.noResource = await unary(resources, 'Get', { resource: 'orders.nothing', id: '1' });

// Metadata, both ways.
const metadata = new grpc.Metadata();
metadata.set('x-request-id', 'from-a-client');
metadata.set('idempotency-key', 'key-1');
seen.requestId = await new Promise((resolve) => orders.Create({ record: { customer: 'Once', sku: 'B-1', quantity: 1 } }, metadata, () => {}).on('metadata', (headers) => resolve(headers.get('x-request-id'))));
seen.replayed = await new Promise((resolve) => orders.Create({ record: { customer: 'Once', sku: 'B-1', quantity: 1 } }, metadata, () => {}).on('metadata', (headers) => resolve(headers.get('idempotency-replayed'))));

// Streams.
const batch = resources.Batch();
const results = all(batch);
for (let number = 1; number <= 60; number++) batch.write({ number, create: { resource: 'orders.orders', record: struct({ customer: `C${String(number).padStart(2, '0')}`, sku: 'S', quantity: number === 13 ? 0 : number }) } });
batch.write({ number: 61, delete: { resource: 'orders.orders', id: created.id } });
batch.end();
const done = (await results).messages;
seen.batch = { results: done.length, inOrder: done.every((result, i) => Number(result.number) === i + 1), failed: done.filter((result) => result.error).map((result) => [result.number, result.error.reason, result.error.violations[0].field]), deleted: done.at(-1).id === created.id };
const page = await unary(orders, 'List', { filter: struct({ sku: 'S' }), sort: ['-quantity'], pageSize: 2, count: true });
const next = await unary(orders, 'List', { filter: struct({ sku: 'S' }), sort: ['-quantity'], pageSize: 2, pageToken: page.nextPageToken });
seen.pages = [page.total, ...page.records.map((o) => o.quantity), ...next.records.map((o) => o.quantity)];
seen.streamed = (await all(orders.StreamList({ filter: struct({ sku: 'S' }), pageSize: 7 }))).messages.length;

const watch = orders.Watch({ verbs: ['created'] });
await new Promise((resolve) => watch.on('metadata', resolve));
const heard = new Promise((resolve) => watch.once('data', resolve));
await unary(orders, 'Create', { record: { customer: 'Watched', sku: 'W', quantity: 1 } });
seen.watched = await heard.then((event) => [event.name, event.verb, event.record.customer, event.id === event.record.id]);
const ended = new Promise((resolve) => watch.on('error', (error) => resolve(grpc.status[error.code])));
watch.cancel();
seen.cancelled = await ended;

// Deadlines.
const late = await all(orders.Watch({}, { deadline: Date.now() + 300 }));
seen.deadline = late.error.code;
seen.deadlineOfServer = await raw('/nexus.plugins.orders.Orders/Watch', { 'grpc-timeout': '100m' }, frame(Buffer.alloc(0)));
seen.deadlineInvalid = await raw('/nexus.plugins.orders.Orders/Get', { 'grpc-timeout': '1x' }, frame(Buffer.alloc(0)));

// Health and reflection.
seen.health = [(await unary(health, 'Check', {})).status, (await unary(health, 'Check', { service: 'nexus.plugins.orders.Orders' })).status, (await unary(health, 'Check', { service: 'no.Such' })).code];
const watching = health.Watch({ service: 'no.Such' });
seen.healthWatched = await new Promise((resolve) => watching.once('data', (message) => resolve(message.status)));
watching.on('error', () => {});
watching.cancel();
for (const version of ['v1', 'v1alpha']) {
  const reflection = new types.grpc.reflection[version].ServerReflection(target, credentials);
  const call = reflection.ServerReflectionInfo();
  const answers = all(call);
  call.write({ listServices: '' });
  call.write({ fileContainingSymbol: 'nexus.plugins.orders.Orders' });
  call.write({ fileByFilename: 'nexus/v1/resources.proto' });
  call.write({ fileContainingSymbol: 'no.Such' });
  call.end();
  const [services, file, byName, unknown] = (await answers).messages;
  const set = Buffer.concat(file.fileDescriptorResponse.fileDescriptorProto.map((bytes) => Buffer.concat([Buffer.from([0x0a]), varint(bytes.length), bytes])));
  // Read from descriptors, names are those of the file to this client, and a map is a list of its entries.
  const reflected = grpc.loadPackageDefinition(loader.loadFileDescriptorSetFromBuffer(set, options));
  const again = await unary(new reflected.nexus.plugins.orders.Orders(target, credentials), 'List', { page_size: 1, filter: { fields: [{ key: 'sku', value: { string_value: 'W' } }] } });
  seen[version] = { services: services.listServicesResponse.service.map((s) => s.name), called: [again.records[0].customer, again.records[0].status], byName: byName.fileDescriptorResponse.fileDescriptorProto.length, unknown: unknown.errorResponse.errorCode };
}

// What breaks the protocol, byte by byte.
function varint(length) {
  const bytes = [];
  for (; length >= 0x80; length = Math.floor(length / 128)) bytes.push((length & 0x7f) | 0x80);
  return Buffer.from([...bytes, length]);
}

function frame(message, { flag = 0, length = message.length } = {}) {
  const prefix = Buffer.alloc(5);
  prefix[0] = flag;
  prefix.writeUInt32BE(length, 1);
  return Buffer.concat([prefix, message]);
}

function raw(path, headers, body, { end = true } = {}) {
  return new Promise((resolve) => {
    const session = ca ? http2.connect(`https://${target}`, { ca }) : http2.connect(`http://${target}`);
    session.on('error', (error) => resolve(String(error)));
    const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers', ...headers });
    const known = {};
    const take = (fields) => Object.assign(known, Object.fromEntries(Object.entries(fields).filter(([name]) => name.startsWith('grpc-s') || name === ':status' || name === 'grpc-message')));
    stream.on('response', take);
    stream.on('trailers', take);
    stream.on('data', () => {});
    stream.on('error', () => {});
    stream.on('close', () => {
      session.close();
      resolve(`${known[':status']} ${grpc.status[known['grpc-status']] ?? known['grpc-status']} ${decodeURIComponent(known['grpc-message'] ?? '')}`.trim());
    });
    if (body) stream.write(body);
    if (end) stream.end();
  });
}

const get = '/nexus.plugins.orders.Orders/Get';
const field = (number, bytes) => Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes]);
const status = protobufField('Status');
function protobufField() {
  const order = types.nexus.plugins.orders.Order.type.field.find((f) => f.name === 'status');
  return order.number;
}
seen.breaches = {
  noMessage: await raw(get, {}, null),
  twoMessages: await raw(get, {}, Buffer.concat([frame(field(2, Buffer.from('1'))), frame(field(2, Buffer.from('1')))])),
  cutShort: await raw(get, {}, frame(Buffer.from([1, 2, 3])).subarray(0, 7)),
  malformed: await raw(get, {}, frame(Buffer.from([0x0f, 0xff, 0xff]))),
  wrongKind: await raw(get, {}, frame(Buffer.from([0x10, 0x01]))),
  overlong: await raw(get, {}, frame(Buffer.concat([varint(18), varint(1000), Buffer.from('x')]))),
  notUtf8: await raw(get, {}, frame(field(2, Buffer.from([0xff, 0xfe])))),
  unknownEnum: await raw('/nexus.plugins.orders.Orders/Create', {}, frame(field(3, Buffer.concat([varint(status * 8), varint(4)])))),
  compressed: await raw(get, {}, frame(Buffer.alloc(3), { flag: 1 })),
  encoding: await raw(get, { 'grpc-encoding': 'gzip' }, frame(Buffer.alloc(3), { flag: 1 })),
  oversized: await raw(get, {}, frame(Buffer.alloc(10), { length: 0x7fffffff })),
  noMethod: await raw('/nexus.plugins.orders.Orders/Nothing', {}, frame(Buffer.alloc(0))),
  noService: await raw('/no.such.Service/Nothing', {}, frame(Buffer.alloc(0))),
  noPath: await raw('/nowhere', {}, frame(Buffer.alloc(0))),
  halfOpen: await raw('/nexus.v1.Resources/Batch', {}, null, { end: false }),
  halfOpenUnary: await raw(get, {}, frame(Buffer.alloc(9)).subarray(0, 8), { end: false }),
};
seen.otherType = (await ask(get, { method: 'POST', headers: { 'content-type': 'application/json' } }, '{}')).status;

/** By HTTP/1.1. */
function ask(path, options = {}, body = undefined) {
  return new Promise((resolve, reject) => {
    const request = (ca ? https : http).request(`${address}${path}`, { ...options, ca }, (answer) => {
      const parts = [];
      answer.on('data', (part) => parts.push(part));
      answer.on('end', () => resolve({ status: answer.statusCode, version: answer.httpVersion, body: Buffer.concat(parts).toString() }));
    });
    request.on('error', reject);
    request.end(body);
  });
}

console.log(JSON.stringify(seen));
process.exit(0);
