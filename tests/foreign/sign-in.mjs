// openid-client signs a user in with code and PKCE, as a program on the user's device would. Prints what it got as JSON.
import * as client from 'openid-client';

const { issuer, clientId, redirect, user, password } = JSON.parse(process.argv[2]);
const config = await client.discovery(new URL(issuer), clientId, undefined, client.None(), { execute: [client.allowInsecureRequests] });
const verifier = client.randomPKCECodeVerifier();
const [state, nonce] = [client.randomState(), client.randomNonce()];
const start = client.buildAuthorizationUrl(config, {
  redirect_uri: redirect, scope: 'openid profile email offline_access', state, nonce,
  code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
});

// The user's browser: follows redirects within the issuer, fills in its forms, keeps its cookies.
const jar = new Map();
async function browse(address, form) {
  const answer = await fetch(address, {
    method: form ? 'POST' : 'GET', body: form && new URLSearchParams(form), redirect: 'manual',
    headers: { cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; '), ...(form ? { origin: new URL(issuer).origin } : {}) },
  });
  for (const line of answer.headers.getSetCookie()) {
    const [name, value] = line.split(';')[0].split(/=(.*)/s);
    if (value) jar.set(name, value); else jar.delete(name);
  }
  const location = answer.headers.get('location');
  if (location?.startsWith(redirect)) return new URL(location);
  const page = await answer.text();
  if (!answer.ok) throw new Error(`${answer.status} ${page}`);
  const hidden = Object.fromEntries([...page.matchAll(/type="hidden" name="([^"]+)" value="([^"]*)"/g)].map(m => [m[1], m[2]]));
  return browse(new URL('/oauth/authorize', issuer), 'step' in hidden ? { ...hidden, username: user, password } : { ...hidden, step: 'approve' });
}

const tokens = await client.authorizationCodeGrant(config, await browse(start), { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true });
const claims = tokens.claims();
const info = await client.fetchUserInfo(config, tokens.access_token, claims.sub);
const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token);
await client.tokenRevocation(config, refreshed.refresh_token);
const revoked = await client.fetchUserInfo(config, refreshed.access_token, claims.sub).then(() => 'served', error => `refused ${error.status ?? error.cause?.status ?? error.code}`);
const silent = client.buildAuthorizationUrl(config, { redirect_uri: redirect, scope: 'openid', prompt: 'none', state, code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256' });
const again = await browse(silent);
const bye = client.buildEndSessionUrl(config, { id_token_hint: tokens.id_token });
console.log(JSON.stringify({
  email: claims.email, name: info.name, username: info.preferred_username, rotated: refreshed.refresh_token !== tokens.refresh_token,
  scope: tokens.scope, revoked, silent: again.searchParams.has('code'), bye: bye.pathname,
}));
