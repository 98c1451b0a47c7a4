// One person and the own account: the shown name, a second factor, a passkey of the device, the password, where one is signed in.
import { createHmac } from 'node:crypto';
import { api, assert, input, person, shot, violations, walk } from './browser.mjs';

// Passkeys belong to a name; an address of numbers has none.
const address = input.address.replace('127.0.0.1', 'localhost');

/** The code that an authenticator application shows (RFC 6238). */
function codeOf(secret) {
  const bits = [...secret.replace(/=+$/, '')].map((letter) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((octet) => Number.parseInt(octet, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)));
  const hash = createHmac('sha1', key).update(counter).digest();
  return String((hash.readUInt32BE(hash.at(-1) & 15) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

async function enter(page, password, code) {
  await page.goto(`${address}/console/`);
  await page.getByLabel('User name or e-mail').fill('joan');
  await page.locator('input[name=password]').fill(password);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  if (code) {
    await page.getByLabel('Code of your authenticator').fill(code);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  }
  await page.getByRole('heading', { level: 1, name: 'Home' }).waitFor();
}

await walk(async (browser) => {
  await api('POST', '/api/v1/users', { username: 'joan', password: input.password, email: 'joan@example.org', displayName: 'Joan' });
  const { page, faults } = await person(browser, { expected: ['/api/v1/auth/'] });
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('WebAuthn.enable');
  await devtools.send('WebAuthn.addVirtualAuthenticator', { options: { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true } });
  await enter(page, input.password);
  await page.getByRole('button', { name: 'My account' }).click();
  await page.getByRole('menuitem', { name: 'My account' }).click();
  await page.getByRole('heading', { level: 1, name: 'My account' }).waitFor();
  const part = (name) => page.getByRole('region', { name, exact: true });
  const dialog = page.getByRole('dialog');

  await part('Profile').getByLabel('Shown name').fill('Joan Clarke');
  await part('Profile').getByRole('button', { name: 'Save' }).click();
  await page.getByText('Saved').first().waitFor();
  assert.equal((await api('GET', '/api/v1/users/joan')).displayName, 'Joan Clarke');

  // A second factor counts once a code was shown; a wrong one is told at its field.
  const factor = part('Second factor');
  await factor.getByRole('button', { name: 'Set up' }).click();
  await factor.getByRole('img', { name: 'QR code' }).waitFor();
  const secret = await factor.locator('[data-secret]').innerText();
  assert.equal(await factor.getByRole('img', { name: 'QR code' }).evaluate((image) => image.decode().then(() => image.naturalWidth > 100)), true);
  await factor.getByLabel('Code of the app').fill('12');
  await factor.getByRole('button', { name: 'Turn on' }).click();
  await factor.getByText('The code is wrong').waitFor();
  assert.deepEqual(await violations(page), []);
  await factor.getByLabel('Code of the app').fill(codeOf(secret));
  await factor.getByRole('button', { name: 'Turn on' }).click();
  await factor.getByRole('status').waitFor();
  const codes = (await factor.getByRole('status').locator('pre').innerText()).split('\n').filter(Boolean);
  await factor.getByText(`${codes.length} backup codes left`).waitFor();
  assert.deepEqual(await violations(page), []);

  // A passkey of this device.
  await part('Passkeys').getByRole('button', { name: 'Add a passkey' }).click();
  await dialog.getByLabel('Name').fill('Laptop');
  await dialog.getByRole('button', { name: 'Add a passkey' }).click();
  await part('Passkeys').getByText('Laptop').waitFor();

  // Elsewhere, with a backup code; ended from here.
  const other = await person(browser, { expected: ['/api/v1/', '/live'] });
  await enter(other.page, input.password, codes[0]);
  await page.reload();
  await part('Second factor').getByText(`${codes.length - 1} backup codes left`).waitFor();
  await part('Sign-in sessions').getByRole('button', { name: 'End all others' }).click();
  await part('Sign-in sessions').getByRole('button', { name: 'End all others' }).waitFor({ state: 'detached' });
  await other.page.reload();
  await other.page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await shot(page, 'account_joan-1440-light');

  await part('Second factor').getByRole('button', { name: 'Turn off' }).click();
  await dialog.getByLabel('Code').fill(codes[1]);
  assert.deepEqual(await violations(page), []);
  await dialog.getByRole('button', { name: 'Turn off' }).click();
  await part('Second factor').getByText('Not set up').waitFor();
  await part('Passkeys').getByRole('button', { name: 'Remove: Laptop' }).click();
  await dialog.getByRole('button', { name: 'Remove' }).click();
  await part('Passkeys').getByText('Laptop').waitFor({ state: 'detached' });

  await part('Password').getByLabel('Current password').fill(input.password);
  await part('Password').getByLabel('New password').fill(`${input.password}-new`);
  await part('Password').getByRole('button', { name: 'Change the password' }).click();
  await page.waitForFunction(() => [...document.querySelectorAll('input[type=password]')].every((one) => one.value === ''));
  await enter(other.page, `${input.password}-new`);
  assert.deepEqual(faults.filter((fault) => !fault.startsWith(`another origin: ${address}/`)), []);
});
