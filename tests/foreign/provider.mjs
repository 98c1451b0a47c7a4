// oidc-provider shaped like Google: RS256, discovery, a secret in the body or in Basic, verified addresses. Lines on stdin make it lie; each is answered by a line on stdout.
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { generateKeyPairSync, createPrivateKey } from 'node:crypto';
import Provider from 'oidc-provider';
import { SignJWT, importJWK } from 'jose';

const { port, clientId, clientSecret, redirects } = JSON.parse(process.argv[2]);
const issuer = `http://127.0.0.1:${port}`;
const newKey = kid => ({ ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }), kid, alg: 'RS256', use: 'sig' });
let [key, number] = [newKey('k1'), 1];
const stranger = newKey('k1');
let lie = 'nothing';
let user = { sub: '1098', email: 'ada@example.com', email_verified: true, name: 'Ada from afar' };

function build() {
  const provider = new Provider(issuer, {
    clients: [{ client_id: clientId, client_secret: clientSecret, redirect_uris: redirects, grant_types: ['authorization_code'], response_types: ['code'] }],
    jwks: { keys: [key] },
    conformIdTokenClaims: false,
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    features: { devInteractions: { enabled: false } },
    pkce: { required: () => true },
    cookies: { keys: ['tests'] },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ ...user, sub: id }) }),
    loadExistingGrant: async context => {
      const grant = new context.oidc.provider.Grant({ clientId: context.oidc.client.clientId, accountId: context.oidc.session.accountId });
      grant.addOIDCScope('openid email profile');
      await grant.save();
      return grant;
    },
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  });
  return provider;
}
let provider = build();

// What the token endpoint answers, changed on its way when the test says so.
async function tampered(body) {
  const answer = JSON.parse(body);
  if (!answer.id_token || lie === 'nothing') return body;
  const claims = JSON.parse(Buffer.from(answer.id_token.split('.')[1], 'base64url'));
  const sign = async (changes, by = key, header = {}) => new SignJWT({ ...claims, ...changes }).setProtectedHeader({ alg: 'RS256', kid: by.kid, ...header }).sign(await importJWK(by, 'RS256'));
  const now = Math.floor(Date.now() / 1000);
  const [head, payload, signature] = answer.id_token.split('.');
  const encode = value => Buffer.from(JSON.stringify(value)).toString('base64url');
  const lies = {
    audience: () => sign({ aud: 'another-client' }),
    audiences: () => sign({ aud: [clientId, 'another-client'] }),
    party: () => sign({ azp: 'another-client' }),
    issuer: () => sign({ iss: 'https://accounts.google.com.evil.example' }),
    expired: () => sign({ iat: now - 7200, exp: now - 3600 }),
    future: () => sign({ iat: now + 3600, exp: now + 7200 }),
    nonce: () => sign({ nonce: 'another' }),
    'no nonce': () => sign({ nonce: undefined }),
    'no subject': () => sign({ sub: undefined }),
    key: () => sign({}, stranger),
    'unknown key': () => sign({}, { ...stranger, kid: 'k9' }),
    signature: () => `${head}.${payload}.${signature.slice(0, -8)}AAAAAAAA`,
    payload: () => `${head}.${encode({ ...claims, email: 'root@example.com' })}.${signature}`,
    none: () => `${encode({ alg: 'none' })}.${payload}.`,
    'none with signature': () => `${encode({ alg: 'none' })}.${payload}.${signature}`,
    HS256: () => new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid: key.kid }).sign(Buffer.from(clientSecret.padEnd(32, '0'))),
    'no token': () => undefined,
  };
  answer.id_token = await lies[lie]();
  return JSON.stringify(answer);
}

const server = createServer(async (request, response) => {
  const { pathname } = new URL(request.url, issuer);
  if (pathname.startsWith('/interaction/')) {
    await provider.interactionFinished(request, response, { login: { accountId: user.sub } });
    return;
  }
  if (pathname === '/token') {
    const parts = [];
    const end = response.end.bind(response);
    response.write = part => parts.push(Buffer.from(part));
    response.end = part => {
      if (part) parts.push(Buffer.from(part));
      tampered(Buffer.concat(parts).toString()).then(body => {
        response.removeHeader('content-length');
        end(body);
      });
    };
  }
  provider.callback()(request, response);
});
server.listen(port, '127.0.0.1', () => console.log('ready'));

createInterface({ input: process.stdin }).on('line', line => {
  const command = JSON.parse(line);
  if (command.lie !== undefined) lie = command.lie;
  if (command.user) user = { ...user, ...command.user };
  if (command.rotate) { key = newKey(`k${++number}`); provider = build(); }
  console.log('done');
}).on('close', () => process.exit(0));
