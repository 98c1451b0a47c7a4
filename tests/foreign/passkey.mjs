// Chromium with a virtual authenticator registers a passkey and signs in with it. Prints what happened as JSON.
import { chromium } from 'playwright-core';

const { address, token, executable } = JSON.parse(process.argv[2]);
const browser = await chromium.launch({ executablePath: executable, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
try {
  const page = await (await browser.newContext()).newPage();
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('WebAuthn.enable');
  const { authenticatorId } = await devtools.send('WebAuthn.addVirtualAuthenticator', {
    options: { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
  });
  // A page of this origin whose policy lets it call: what a console would be.
  await page.route('**/blank', route => route.fulfill({ contentType: 'text/html', body: '<!doctype html>' }));
  await page.goto(`${address}/blank`);
  const call = (path, body, bearer) => page.evaluate(async ([path, body, bearer]) => {
    const answer = await fetch(path, { method: 'POST', headers: { 'content-type': 'application/json', ...(bearer ? { authorization: `Bearer ${bearer}` } : {}) }, body: JSON.stringify(body) });
    return { status: answer.status, body: await answer.json() };
  }, [path, body, bearer]);
  const create = options => page.evaluate(async options => (await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })).toJSON(), options);
  const get = options => page.evaluate(async options => (await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) })).toJSON(), options);
  const root = '/api/v1/auth/passkeys';

  const creation = (await call(`${root}/register/options`, {}, token)).body;
  const credential = await create(creation.options);
  const registered = await call(`${root}/register`, { state: creation.state, credential, name: 'Laptop' }, token);
  const replayed = await call(`${root}/register`, { state: creation.state, credential }, token);

  const request = (await call(`${root}/sign-in/options`, {})).body;
  const assertion = await get(request.options);
  const signedIn = await call(`${root}/sign-in`, { state: request.state, credential: assertion });
  const again = await call(`${root}/sign-in`, { state: request.state, credential: assertion });
  const other = (await call(`${root}/sign-in/options`, {})).body;
  const stale = await call(`${root}/sign-in`, { state: other.state, credential: assertion });

  // A copy of the authenticator counts on from where it was copied.
  const { credentials } = await devtools.send('WebAuthn.getCredentials', { authenticatorId });
  await devtools.send('WebAuthn.removeCredential', { authenticatorId, credentialId: credentials[0].credentialId });
  await devtools.send('WebAuthn.addCredential', { authenticatorId, credential: { ...credentials[0], signCount: 0 } });
  const third = (await call(`${root}/sign-in/options`, {})).body;
  const copied = await call(`${root}/sign-in`, { state: third.state, credential: await get(third.options) });

  // Who does not show a face or a finger is not verified.
  await devtools.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false });
  const fourth = (await call(`${root}/sign-in/options`, {})).body;
  const unverified = await get({ ...fourth.options, userVerification: 'discouraged' }).then(async answer => (await call(`${root}/sign-in`, { state: fourth.state, credential: answer })).status, error => error.name ?? String(error));

  console.log(JSON.stringify({
    registered: registered.status, replayed: replayed.status, signedIn: signedIn.status, user: signedIn.body.user?.username,
    again: again.status, stale: stale.status, copied: copied.status, unverified, count: credentials[0].signCount,
  }));
} finally {
  await browser.close();
}
