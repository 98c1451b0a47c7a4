// An operator installs a plugin from what it says of itself, sets it, takes a capability away, looks at its figures and its log, updates it and rolls it back; who may only look finds nothing to press.
import { address, api, assert, input, person, shot, signIn, until, violations, walk } from './browser.mjs';

await walk(async (browser) => {
  const { page, whole } = await person(browser, { expected: ['/api/v1/plugins/search'] });
  await signIn(page);
  const dialog = page.getByRole('dialog');
  const tab = (name) => page.getByRole('tab', { name, exact: true }).click();
  const look = async (path) => {
    await dialog.getByLabel('Package', { exact: true }).fill(path);
    await dialog.getByRole('button', { name: 'Look at it' }).click();
  };

  // Nothing is installed before it was said what changes.
  await page.getByRole('navigation', { name: 'Menu' }).getByRole('link', { name: 'Plugins' }).click();
  await page.getByRole('button', { name: 'Install' }).click();
  await look(input.first);
  const change = dialog.getByRole('region', { name: 'What will change' });
  await change.getByText('http.external').waitFor();
  for (const text of ['asks the weather', 'greeting, limit, mode, secret', 'orders [1.0.0, 2.0.0): 1.0.0', 'None']) await change.getByText(text).first().waitFor();
  assert.equal((await api('GET', '/api/v1/plugins')).some((one) => one.id === 'garden'), false);
  assert.deepEqual(await violations(page), []);
  await shot(page, 'plugin-install');
  await dialog.getByRole('button', { name: 'Install' }).click();
  await page.getByRole('link', { name: 'garden', exact: true }).click();
  await page.getByRole('heading', { level: 1, name: 'garden' }).waitFor();
  await page.getByRole('main').getByText('Active', { exact: true }).first().waitFor();
  assert.deepEqual(await violations(page), []);

  // Settings: the ranges of the schema while one types, the node's word after that.
  await tab('Configuration');
  await page.getByLabel('Most beds').fill('0');
  await page.getByText('At least 1.', { exact: true }).waitFor();
  assert.equal(await page.getByRole('button', { name: 'Save' }).isDisabled(), true);
  assert.deepEqual(await violations(page), []);
  await page.getByLabel('Most beds').fill('12');
  await page.getByLabel('Greeting').fill('Welcome');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Saved').first().waitFor();
  const { values } = await api('GET', '/api/v1/plugins/garden/config');
  assert.deepEqual([values.limit, values.greeting], ['12', 'Welcome']);
  await shot(page, 'plugin-settings');

  await tab('Permissions');
  await page.getByRole('button', { name: 'Deny: http.external' }).click();
  await dialog.getByRole('button', { name: 'Deny' }).click();
  await page.getByRole('row').filter({ hasText: 'http.external' }).getByText('Not allowed').waitFor();
  assert.ok((await api('GET', '/api/v1/plugins/garden/permissions')).denied.includes('http.external'));
  assert.deepEqual(await violations(page), []);

  await tab('Metrics');
  for (let n = 0; n < 5; n++) await api('GET', '/api/custom/garden/');
  await page.getByRole('img', { name: 'Requests and errors a second' }).waitFor();
  await page.getByRole('term').filter({ hasText: 'Requests' }).locator('xpath=following-sibling::dd').getByText('5').waitFor();
  assert.deepEqual(await violations(page), []);
  await tab('Log');
  await page.getByText('the gate is open').first().waitFor();
  assert.deepEqual(await violations(page), []);
  await tab('Why alive');
  await page.getByText('still in memory: 0').waitFor();
  assert.deepEqual(await violations(page), []);

  // Another version: what it brings, then the swap; and back.
  await page.getByRole('button', { name: 'Update' }).click();
  await look(input.second);
  await change.getByText('1.1.0').waitFor();
  await change.getByText('bench').waitFor();
  await dialog.getByRole('button', { name: 'Update' }).click();
  await page.waitForFunction(() => !document.querySelector('[role="dialog"]'));
  await until(page, async () => (await (await fetch('/api/v1/plugins/garden')).json()).version === '1.1.0');
  await page.getByRole('button', { name: 'Actions', exact: true }).click();
  await page.getByRole('menuitem', { name: 'Roll back' }).click();
  await dialog.getByText('The version before 1.1.0').waitFor();
  await dialog.getByRole('button', { name: 'Roll back' }).click();
  await until(page, async () => (await (await fetch('/api/v1/plugins/garden')).json()).version === '1.0.0');
  await page.waitForFunction(() => !document.querySelector('[role="dialog"]'));

  // A package that is none says why, and nothing is installed.
  await page.goto(`${address}/console/plugins?look=graph`);
  await page.getByRole('link', { name: /^garden\s?1\.0\.0/ }).waitFor();
  await page.locator('.graph-edge title', { hasText: 'garden needs orders [1.0.0, 2.0.0)' }).waitFor({ state: 'attached' });
  assert.deepEqual(await violations(page), []);
  await shot(page, 'plugin-graph');
  await page.getByRole('link', { name: /^garden\s?1\.0\.0/ }).click();
  await page.getByRole('heading', { level: 1, name: 'garden' }).waitFor();

  // Who may only look.
  await api('POST', '/api/v1/roles', { name: 'looker', permissions: ['core.identity:use', 'platform.plugins:read'] });
  await api('POST', '/api/v1/users', { username: 'lise', password: input.password, email: 'lise@example.org', displayName: 'Lise', roles: ['looker'] });
  const other = await person(browser);
  await signIn(other.page, 'lise');
  await other.page.getByRole('navigation', { name: 'Menu' }).getByRole('link', { name: 'Plugins' }).click();
  await other.page.getByRole('link', { name: 'garden', exact: true }).waitFor();
  assert.equal(await other.page.getByRole('button', { name: 'Install' }).count(), 0);
  await other.page.getByRole('link', { name: 'garden', exact: true }).click();
  await other.page.getByRole('heading', { level: 1, name: 'garden' }).waitFor();
  for (const name of ['Update', 'Actions']) assert.equal(await other.page.getByRole('button', { name, exact: true }).count(), 0, name);
  assert.equal(await other.page.getByRole('tab', { name: 'Configuration' }).count(), 0);
  await other.page.getByRole('tab', { name: 'Permissions' }).click();
  await other.page.getByRole('row').filter({ hasText: 'http.external' }).waitFor();
  assert.equal(await other.page.getByRole('button', { name: /^(Deny|Grant)/ }).count(), 0);
  other.whole();

  // Gone.
  await page.getByRole('button', { name: 'Actions', exact: true }).click();
  await page.getByRole('menuitem', { name: 'Remove' }).click();
  await dialog.getByRole('button', { name: 'Remove' }).click();
  await page.waitForURL(/\/console\/plugins\/?$/);
  await page.getByRole('link', { name: 'orders', exact: true }).waitFor();
  await page.getByRole('link', { name: 'garden', exact: true }).waitFor({ state: 'detached' });
  whole();
});
