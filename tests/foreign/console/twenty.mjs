// A resource of twenty lines: three browsers (a desk, a tablet and a phone, the phone German and dark) watch while its package is uploaded through the page, replaced and removed; all that the console has of it comes from the declaration.
import { address, api, assert, input, person, shot, signIn, violations, walk } from './browser.mjs';

const limit = 2000;
await walk(async (browser) => {
  await api('POST', '/api/v1/roles', { name: 'reader', permissions: ['core.identity:use', 'library.books:read'] });
  await api('POST', '/api/v1/users', { username: 'rita', password: input.password, email: 'rita@example.org', displayName: 'Rita', roles: ['reader'], mustChangePassword: false });
  const expected = ['/api/custom/library/books', '/api/v1/plugins', '/live'];
  const watchers = await Promise.all([
    { viewport: { width: 1440, height: 900 }, colorScheme: 'light' },
    { viewport: { width: 768, height: 1024 }, colorScheme: 'dark', locale: 'de-DE' },
    { viewport: { width: 360, height: 740 }, colorScheme: 'dark', locale: 'de-DE' },
  ].map((variant) => person(browser, { expected, ...variant })));
  for (const { page } of watchers) {
    await page.goto(`${address}/console/`);
    await page.locator('input[name=username]').fill('admin');
    await page.locator('input[name=password]').fill(input.password);
    await page.locator('button[type=submit]').click();
    await page.locator('nav a[href$="/plugins"]').waitFor({ state: 'attached' });
    await page.evaluate(() => { window.sameDocument = true; });
  }
  // The one at the phone uploads; from the moment that the node has done it all see it.
  const [, , { page: phone }] = watchers;
  const link = 'nav a[href$="/r/library.books"]';
  const took = {};
  const all = async (name, act, see) => {
    await act();
    const began = Date.now();
    await Promise.all(watchers.map(({ page }) => see(page)));
    took[name] = Date.now() - began;
  };
  const menu = async (page, href) => {
    if (await page.getByRole('button', { name: 'Menü' }).isVisible()) await page.getByRole('button', { name: 'Menü' }).click();
    await page.locator(`nav a[href$="${href}"]`).click();
  };
  const dialog = phone.getByRole('dialog');
  const upload = async (file, confirm) => {
    const chooser = phone.waitForEvent('filechooser');
    await dialog.getByRole('button', { name: 'Paket hochladen' }).click();
    await (await chooser).setFiles(file);
    await dialog.getByRole('region', { name: 'Was sich ändert' }).waitFor();
    assert.deepEqual(await violations(phone), []);
    await shot(phone, `twenty/${confirm}-360-dark`);
    await dialog.getByRole('button', { name: confirm, exact: true }).click();
    // Over when the node lists it: what comes after is the browsers' share.
    const until = Date.now() + 60_000;
    while (!(await api('GET', '/api/v1/plugins')).some((one) => one.id === 'library' && one.state === 'Active')) assert.ok(Date.now() < until, 'it was not installed');
  };

  await menu(phone, '/plugins');
  await phone.getByRole('button', { name: 'Installieren' }).click();
  await all('installed', () => upload(input.first, 'Installieren'), (page) => page.locator(link).waitFor({ state: 'attached' }));
  await dialog.waitFor({ state: 'detached' });

  // List, form with the server's own limits, record, action, history.
  for (const { page } of watchers) {
    await menu(page, '/r/library.books');
    await page.getByRole('button', { name: /New Book|Book anlegen|Neu/ }).first().click();
    await page.getByLabel('Title').fill('half a title');
  }
  await all('replaced', () => api('POST', '/api/v1/plugins/library/update', { path: input.second }), (page) => page.getByLabel('Shelf').waitFor());
  for (const { page } of watchers) assert.equal(await page.getByLabel('Title').inputValue(), 'half a title');
  const [{ page }] = watchers;
  await page.getByRole('button', { name: 'Create' }).click();
  await page.getByLabel('Isbn').and(page.locator('[aria-invalid="true"]')).waitFor();
  await page.getByLabel('Title').fill('Notes on the Engine');
  await page.getByLabel('Isbn').fill('9783161484100');
  await page.getByLabel('Shelf').fill('A3');
  await page.getByRole('button', { name: 'Create' }).click();
  await page.getByRole('heading', { level: 1, name: 'Notes on the Engine' }).waitFor();
  await page.getByRole('main').getByRole('button', { name: 'Lend' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Lend' }).click();
  await page.getByText('Lent', { exact: true }).waitFor();
  await page.getByRole('main').getByRole('button', { name: 'Lend' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Lend' }).click();
  await page.getByText('The book is lent already.').waitFor();
  await page.getByRole('tab', { name: 'History' }).click();
  await page.getByRole('tabpanel', { name: 'History' }).getByText('Lend', { exact: true }).waitFor();
  await page.getByRole('navigation').getByRole('link', { name: 'Books' }).click();
  await page.getByRole('searchbox', { name: 'Search' }).fill('engine');
  await page.getByRole('status').getByText('1 record', { exact: true }).waitFor();
  assert.deepEqual(await violations(page), []);
  await shot(page, 'twenty/list-1440-light');

  // Its permissions: who may read it only has it without what changes it.
  const rita = await person(browser, { expected });
  await signIn(rita.page, 'rita');
  await rita.page.getByRole('navigation').getByRole('link', { name: 'Books' }).click();
  await rita.page.getByText('Notes on the Engine').click();
  await rita.page.getByRole('heading', { level: 1, name: 'Notes on the Engine' }).waitFor();
  for (const name of ['Lend', 'Edit', 'Delete']) assert.equal(await rita.page.getByRole('button', { name, exact: true }).count(), 0, name);

  await all('removed', () => api('DELETE', '/api/v1/plugins/library'), (one) => one.locator(link).waitFor({ state: 'detached' }));
  await rita.page.locator(link).waitFor({ state: 'detached' });
  rita.whole();
  for (const watcher of watchers) {
    assert.equal(await watcher.page.evaluate(() => window.sameDocument), true, 'the page was reloaded');
    watcher.whole();
  }
  console.log(JSON.stringify(took));
  for (const [name, seen] of Object.entries(took)) assert.ok(seen <= limit, `${name}: ${seen} ms`);
});
