// s3rver: a store with the protocol of S3 in a folder. A proxy before it breaks answers off or refuses as lines on stdin say; each is answered by "done".
import { statSync } from 'node:fs';
import { createServer as createPlain, request } from 'node:http';
import { createServer as createSecure } from 'node:https';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import S3rver from 's3rver';

const { directory, bucket, key, cert } = JSON.parse(process.argv[2]);
const store = new S3rver({ port: 0, address: '127.0.0.1', silent: true, directory, allowMismatchedSignatures: true, vhostBuckets: false, configureBuckets: [{ name: bucket, configs: [] }] });
const { port } = await store.run();
// s3rver answers before its file is whole, and shows half of one; S3 does neither.
const { store: files } = store;
for (const [name, pathOf] of [['putObject', o => files.getResourcePath(o.bucket, o.key, 'object')], ['putPart', (bucket, id, number) => join(files.getResourcePath(bucket, undefined, 'uploads'), id, `${number}`)]]) {
  const put = files[name].bind(files);
  files[name] = async (...given) => {
    const done = await put(...given);
    while (statSync(pathOf(...given)).size !== done.size) await new Promise(next => setTimeout(next, 1));
    return done;
  };
}

const whole = async stream => { const chunks = []; for await (const chunk of stream) chunks.push(chunk); return Buffer.concat(chunks); };
const ask = (incoming, body) => new Promise((answered, failed) => {
  const onward = request({ port, host: '127.0.0.1', method: incoming.method, path: incoming.url, headers: incoming.headers }, answer => whole(answer).then(bytes => answered({ status: answer.statusCode, headers: answer.headers, bytes }), failed));
  onward.on('error', failed);
  onward.end(body);
});

const seen = [];
let [mode, left, turn] = ['pass', 0, Promise.resolve()];
const serve = async (incoming, outgoing) => {
  seen.push(`${incoming.method} ${incoming.url} ${incoming.headers.range ?? ''}`.trim());
  const now = left > 0 ? mode : 'pass';
  if (now !== 'pass') left--;
  if (now === 'silent') return;
  const refuse = (status, code, message) => { incoming.resume(); outgoing.writeHead(status, { 'content-type': 'application/xml' }).end(`<Error><Code>${code}</Code><Message>${message}</Message></Error>`); };
  if (now === 'busy') return refuse(503, 'SlowDown', 'Reduce your request rate.');
  if (now === 'denied') return refuse(403, 'AccessDenied', 'Access Denied');
  try {
    // Who is killed in the middle of a body has asked for nothing; the others take turns.
    const body = await whole(incoming);
    const answer = await (turn = turn.catch(() => {}).then(() => ask(incoming, body)));
    outgoing.writeHead(answer.status, answer.headers);
    if (now === 'cut' && answer.bytes.length > 50_000) outgoing.write(answer.bytes.subarray(0, 50_000), () => outgoing.destroy());
    else outgoing.end(answer.bytes);
  } catch {
    outgoing.destroy();
  }
};
const proxy = key ? createSecure({ key, cert }, serve) : createPlain(serve);
createInterface({ input: process.stdin }).on('line', line => {
  if (line === 'seen') { console.log(JSON.stringify(seen.splice(0))); return; }
  const [name, count] = line.split(' ');
  [mode, left] = [name, Number(count ?? 1)];
  console.log('done');
}).on('close', () => process.exit(0));
proxy.listen(0, '127.0.0.1', () => console.log(`ready ${proxy.address().port}`));
