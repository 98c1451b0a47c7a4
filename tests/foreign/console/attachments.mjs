// Files of an order: two are dropped and chosen, seen in another browser without a reload, downloaded byte for byte, removed with a question; who may only read sees no way to change them.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { address, api, assert, inGerman, input, looks, person, signIn, violations, walk } from './browser.mjs';

const picture = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEUlEQVR4nGM4oaGBFTEMLQkAgl1GAWqNFmsAAAAASUVORK5CYII=', 'base64');
const large = Buffer.alloc(3 * 1024 * 1024, 'Rechnung ');
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

await walk(async (browser) => {
  const order = await api('POST', '/api/business/orders/orders', { customer: 'Grace Hopper', sku: 'N-1', quantity: 1 });
  const files = () => api('GET', `/api/business/orders/orders/${order.id}/attachments`);
  const ada = await person(browser, { expected: ['/api/business/orders/orders/'] });
  await signIn(ada.page);
  await ada.page.goto(`${address}/console/r/orders.orders/${order.id}`);
  const section = ada.page.getByRole('region', { name: 'Attachments' });
  await section.getByText('No files yet').waitFor();
  await looks(ada.page, 'attachments-empty');
  // What was deleted is not found any more, which a browser says in its own words.
  const bob = await person(browser, { expected: ['/api/business/orders/orders/'] });
  await signIn(bob.page);
  await bob.page.goto(`${address}/console/r/orders.orders/${order.id}`);
  await bob.page.getByText('No files yet').waitFor();

  // Two at once by the button, then one is dropped; another browser sees them come.
  await section.locator('input[type=file]').setInputFiles([{ name: 'Müller & Söhne "Rechnung".txt', mimeType: 'text/plain', buffer: large }, { name: 'face.png', mimeType: 'image/png', buffer: picture }]);
  await section.getByRole('link', { name: 'Müller & Söhne "Rechnung".txt', exact: true }).waitFor();
  await section.getByRole('link', { name: 'face.png', exact: true }).waitFor();
  await bob.page.getByRole('link', { name: 'face.png', exact: true }).waitFor();
  await bob.page.getByRole('link', { name: 'Müller & Söhne "Rechnung".txt', exact: true }).waitFor();
  const dropped = await ada.page.evaluateHandle(() => {
    const data = new DataTransfer();
    data.items.add(new File(['a,b\n1,2\n'], 'figures.csv', { type: 'text/csv' }));
    return data;
  });
  for (const event of ['dragover', 'drop']) await section.dispatchEvent(event, { dataTransfer: dropped });
  await section.getByRole('link', { name: 'figures.csv', exact: true }).waitFor();
  await bob.page.getByRole('link', { name: 'figures.csv', exact: true }).waitFor();
  assert.deepEqual((await files()).map((f) => [f.name, f.contentType, f.sha256]).sort(), [['Müller & Söhne "Rechnung".txt', 'text/plain', sha256(large)], ['face.png', 'image/png', sha256(picture)], ['figures.csv', 'text/csv', sha256('a,b\n1,2\n')]].sort());

  // The picture is shown under the policy of the page.
  await ada.look(() => [...document.querySelectorAll('section img')].some((image) => image.complete && image.naturalWidth === 8));
  await section.getByText('3.0 MiB').waitFor();
  const [download] = await Promise.all([ada.page.waitForEvent('download'), section.getByRole('link', { name: 'Download Müller & Söhne "Rechnung".txt' }).click()]);
  assert.equal(sha256(readFileSync(await download.path())), sha256(large));
  await looks(ada.page, 'attachments');

  // What a browser keeps for the time without the server has no files in it, also when they are JSON.
  const json = await fetch(`${address}/api/business/orders/orders/${order.id}/attachments?name=kept.json`, { method: 'POST', headers: { authorization: `Bearer ${input.token}`, 'content-type': 'application/json' }, body: '{}' });
  const [{ url }] = await json.json();
  assert.equal(await ada.page.evaluate(async (path) => (await fetch(path)).text(), url), '{}');
  const kept = await ada.page.evaluate(async () => (await Promise.all((await caches.keys()).map(async (name) => (await (await caches.open(name)).keys()).map((request) => new URL(request.url).pathname)))).flat());
  assert.deepEqual(kept.filter((path) => /attachments\/./.test(path)), []);
  await api('DELETE', url);
  await section.getByRole('link', { name: 'kept.json', exact: true }).waitFor({ state: 'detached' });

  // What is refused says why and how to go on, in its own place.
  await section.locator('input[type=file]').setInputFiles([{ name: 'huge.bin', mimeType: 'application/octet-stream', buffer: Buffer.alloc(11 * 1024 * 1024) }]);
  await section.getByRole('alert').getByText('10,485,760').waitFor();
  assert.deepEqual(await violations(ada.page), []);
  await section.getByRole('button', { name: 'Close: huge.bin' }).click();
  assert.equal((await files()).length, 3);

  // Removed from the keyboard, with a question; the other browser follows.
  await section.getByRole('button', { name: 'Remove figures.csv' }).focus();
  await ada.page.keyboard.press('Enter');
  await ada.page.getByRole('dialog').getByText('the history keeps its name').waitFor();
  assert.deepEqual(await violations(ada.page), []);
  await ada.page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
  await bob.page.getByRole('link', { name: 'figures.csv', exact: true }).waitFor({ state: 'detached' });
  assert.equal((await files()).length, 2);
  await ada.page.getByRole('tab', { name: 'History' }).click();
  await ada.page.getByText('File removed').first().waitFor();
  await ada.page.getByRole('tabpanel', { name: 'History' }).getByText('face.png').waitFor();
  await ada.page.getByRole('tab', { name: 'Details' }).click();

  // A deleted order that is taken back has its files again.
  await ada.page.getByRole('main').getByRole('button', { name: 'Delete' }).first().click();
  await ada.page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await ada.page.waitForURL(/\/r\/orders\.orders$/);
  await api('POST', '/api/business/orders/orders', { id: order.id, customer: 'Grace Hopper', sku: 'N-1', quantity: 1 });
  assert.equal((await files()).length, 2);
  ada.whole();
  bob.whole();

  // Who may only read.
  await api('POST', '/api/v1/roles', { name: 'reader', permissions: ['core.identity:use', 'orders.orders:read:all'] });
  await api('POST', '/api/v1/users', { username: 'rita', password: input.password, email: 'rita@example.org', displayName: 'Rita', roles: ['reader'] });
  const rita = await person(browser, { expected: ['PASSWORD_CHANGE'] });
  await rita.page.goto(`${address}/console/`);
  await rita.page.getByLabel('User name or e-mail').fill('rita');
  await rita.page.locator('input[name=password]').fill(input.password);
  await rita.page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await rita.page.getByRole('heading', { level: 1 }).waitFor();
  if (await rita.page.locator('input[name="new-password"]').count()) {
    await rita.page.locator('input[name="new-password"]').fill(`${input.password}-of-rita`);
    await rita.page.getByRole('button', { name: 'Save' }).click();
  }
  await rita.page.getByRole('heading', { level: 1, name: 'Home' }).waitFor();
  await rita.page.goto(`${address}/console/r/orders.orders/${order.id}`);
  const read = rita.page.getByRole('region', { name: 'Attachments' });
  await read.getByRole('link', { name: 'face.png', exact: true }).waitFor();
  assert.equal(await read.locator('input[type=file]').count(), 0);
  assert.deepEqual(await read.getByRole('button').evaluateAll((all) => all.map((one) => one.getAttribute('aria-label'))), ['Show face.png larger']);
  await rita.look(() => [...document.querySelectorAll('section img')].some((image) => image.complete && image.naturalWidth === 8));
  assert.deepEqual(await violations(rita.page), []);
  await inGerman(rita.page);
  await rita.page.getByRole('region', { name: 'Anhänge' }).getByRole('link', { name: 'face.png herunterladen' }).waitFor();
  assert.deepEqual(await violations(rita.page), []);
  rita.whole();
});
