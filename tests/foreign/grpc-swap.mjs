// Watches a resource while its plugin is swapped, and after each swap reflects anew and uses the field that came. Arguments: address of HTTP, port of HTTP/2, number of versions.
import { createRequire } from 'node:module';
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';

const protobuf = createRequire(import.meta.url)('protobufjs');
const [address, port, versions] = process.argv.slice(2);
const target = `127.0.0.1:${port}`;
const credentials = grpc.credentials.createInsecure();
const options = { longs: String, enums: String, defaults: false, oneofs: true };
const text = await (await fetch(`${address}/grpc/protos/grpc/reflection/v1/reflection.proto`)).text();
const { ServerReflection } = grpc.loadPackageDefinition(loader.fromJSON(protobuf.parse(text, { keepCase: false }).root.toJSON(), options)).grpc.reflection.v1;

const reflect = () => new Promise((resolve, reject) => {
  const call = new ServerReflection(target, credentials).ServerReflectionInfo();
  call.on('data', ({ fileDescriptorResponse: { fileDescriptorProto } }) => {
    const set = Buffer.concat(fileDescriptorProto.map((bytes) => Buffer.concat([Buffer.from([0x0a]), varint(bytes.length), bytes])));
    resolve(grpc.loadPackageDefinition(loader.loadFileDescriptorSetFromBuffer(set, options)).nexus.plugins.shop);
  });
  call.on('error', reject);
  call.write({ fileContainingSymbol: 'nexus.plugins.shop.Customers' });
  call.end();
});

function varint(length) {
  const bytes = [];
  for (; length >= 0x80; length = Math.floor(length / 128)) bytes.push((length & 0x7f) | 0x80);
  return Buffer.from([...bytes, length]);
}

const seen = { fields: [], stored: [], heard: [] };
const first = await reflect();
const watch = new first.Customers(target, credentials).Watch({ verbs: ['created'] });
watch.on('data', (event) => seen.heard.push(event.record.name));
await new Promise((resolve) => watch.on('metadata', resolve));
for (let version = 1; version <= Number(versions); version++) {
  let shop;
  do {
    shop = await reflect();
  } while (!shop.Customer.type.field.some((field) => field.name === `extra${version}`));
  seen.fields.push(shop.Customer.type.field.map((field) => field.name).filter((name) => name === 'name' || name.startsWith('extra')));
  const client = new shop.Customers(target, credentials);
  const stored = await new Promise((resolve, reject) => client.Create({ record: { name: `v${version}`, [`extra${version}`]: `v${version}` } }, (error, answer) => (error ? reject(error) : resolve(answer))));
  seen.stored.push(stored[`extra${version}`]);
}

while (seen.heard.length < Number(versions)) await new Promise((resolve) => setTimeout(resolve, 20));
watch.on('error', () => {});
watch.cancel();
console.log(JSON.stringify(seen));
process.exit(0);
