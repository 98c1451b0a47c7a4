// Twelve things that somebody wants who has never seen Nexus. Each is found by what can be read on the page, and takes no more clicks than its budget; nothing is found by an address.
import { readFileSync } from 'node:fs';
import { address, api, assert, input, person, until, walk } from './browser.mjs';

await walk(async (browser) => {
  await api('POST', '/api/v1/plugins', { path: input.kiln });
  await api('POST', '/api/v1/tasks', { task: 'kiln.fire', input: {} });
  await api('POST', '/api/business/orders/orders/batch', Array.from({ length: 30 }, (_, n) => ({ customer: `Customer ${n}`, sku: `S-${n}`, quantity: n + 1 })));
  await api('POST', '/api/v1/users', { username: 'lise', password: input.password, email: 'lise@example.org', displayName: 'Lise Meitner', roles: ['user'], mustChangePassword: false });

  // A page that is left may ask for a record that was just deleted.
  const { page, whole } = await person(browser, { expected: ['/api/business/inventory/stock'] });
  await page.goto(`${address}/console/`);
  let clicks = 0;
  const press = async (found) => { clicks++; await found.click(); };
  const button = (name, within = page) => press(within.getByRole('button', { name, exact: true }));
  const menu = (name) => press(page.getByRole('navigation', { name: 'Menu' }).getByRole('link', { name, exact: true }));
  const dialog = page.getByRole('dialog');
  const main = page.getByRole('main');
  const over = [];
  let tasks = 0;
  const task = async (name, budget, work) => {
    clicks = 0;
    tasks++;
    try {
      await work();
    } catch (error) {
      throw new Error(`${name}: ${error.message}\n${await main.innerText().catch(() => '')}`);
    }
    console.log(`${name}: ${clicks} of ${budget} clicks`);
    if (clicks > budget) over.push(name);
  };

  await task('sign in and find out what runs', 2, async () => {
    await page.getByLabel('User name or e-mail').fill('admin');
    await page.getByLabel(/^Password/).fill(input.password);
    await button('Sign in');
    await menu('Plugins');
    await main.getByRole('row').filter({ hasText: 'orders' }).getByText('Active', { exact: true }).waitFor();
  });

  await task('take down an order', 3, async () => {
    await menu('Orders');
    await button('New Order');
    await page.getByLabel('Customer').fill('Marie Curie');
    await page.getByLabel('Sku').fill('R-88');
    await page.getByLabel('Quantity').fill('2');
    await button('Create');
    await page.getByRole('heading', { level: 1, name: 'Marie Curie' }).waitFor();
  });

  await task('find it again and change it', 4, async () => {
    await press(page.getByRole('banner').getByRole('button', { name: /Pages, records, actions/ }));
    await page.getByRole('textbox', { name: 'Pages, records, actions' }).fill('Curie');
    await press(page.getByRole('button', { name: 'Marie Curie' }));
    await page.getByRole('heading', { level: 1, name: 'Marie Curie' }).waitFor();
    await button('Edit');
    await page.getByLabel('Quantity').fill('5');
    await button('Save');
    await main.getByRole('definition').filter({ hasText: /^5$/ }).waitFor();
  });

  await task('see who changed it, and what it was', 1, async () => {
    await press(page.getByRole('tab', { name: 'History' }));
    const history = page.getByRole('tabpanel', { name: 'History' });
    await history.getByRole('row', { name: 'Quantity 2 5', exact: true }).waitFor();
  });

  await page.evaluate(async () => { await fetch('/api/business/inventory/stock', { method: 'POST', headers: { 'content-type': 'application/json', 'x-csrf-token': localStorage.getItem('nexus.csrf') }, body: JSON.stringify({ sku: 'R-88', quantity: 40 }) }); });
  await task('take back a deletion', 4, async () => {
    await menu('Stock');
    await press(main.getByRole('row').getByText('R-88', { exact: true }));
    await page.getByRole('heading', { level: 1, name: 'R-88' }).waitFor();
    await button('Delete', main);
    await page.getByText('Deleted: R-88').waitFor();
    await button('Undo', page.getByRole('alert'));
    await main.getByRole('row').getByText('R-88', { exact: true }).waitFor();
    assert.equal((await api('GET', '/api/business/inventory/stock'))[0].quantity, 40);
  });

  await task('install a plugin', 4, async () => {
    await menu('Plugins');
    await button('Install');
    await dialog.getByRole('textbox').fill(input.garden);
    await button('Look at it', dialog);
    await button('Install', dialog);
    await main.getByRole('row').filter({ hasText: 'garden' }).getByText('Active', { exact: true }).waitFor();
  });

  await task('change its setting', 3, async () => {
    await press(main.getByRole('link', { name: 'garden', exact: true }));
    await press(page.getByRole('tab', { name: 'Configuration' }));
    await page.getByLabel('Greeting').fill('Welcome');
    await button('Save');
    await until(page, async () => (await (await fetch('/api/v1/plugins/garden/config')).json()).values.greeting === 'Welcome');
  });

  await task('see why a task failed, and run it again', 4, async () => {
    await menu('Tasks');
    await main.getByRole('row').filter({ hasText: 'the kiln is cold' }).waitFor();
    await press(main.getByRole('button', { name: /fire/ }));
    await dialog.getByText('the kiln is cold').first().waitFor();
    await button('Run again', dialog);
    await press(page.getByRole('dialog', { name: /Run again/ }).getByRole('button', { name: 'Run again' }));
    await page.getByRole('dialog', { name: /Run again/ }).waitFor({ state: 'detached' });
    await page.getByRole('dialog').getByText('Done', { exact: true }).waitFor();
    await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click();
  });

  await task('let a colleague read the orders', 6, async () => {
    await menu('Roles');
    await button('New role');
    await dialog.getByLabel('Name').fill('reads-orders');
    await dialog.getByLabel('Permissions').fill('orders.orders:read');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Escape');
    await button('Create', dialog);
    await page.getByRole('heading', { level: 1, name: 'reads-orders' }).waitFor();
    await press(page.getByRole('combobox', { name: 'Add a member' }));
    await press(page.getByRole('option', { name: /Lise Meitner/ }));
    await page.getByRole('region', { name: 'Members' }).getByRole('link', { name: 'Lise Meitner' }).waitFor();
  });

  await task('find the routes that are slow', 1, async () => {
    await menu('Performance');
    await page.getByRole('region', { name: 'Routes' }).getByText('/api/business/orders/orders', { exact: false }).first().waitFor();
  });

  // Somebody else's doing: the key of a till that was stolen.
  await page.evaluate(async () => { await fetch('/api/v1/api-keys', { method: 'POST', headers: { 'content-type': 'application/json', 'x-csrf-token': localStorage.getItem('nexus.csrf') }, body: JSON.stringify({ name: 'Till', scopes: [] }) }); });
  await task('revoke a key', 3, async () => {
    await menu('API keys');
    await button('Revoke: Till', main);
    await button('Revoke', dialog);
    await main.getByText('Till', { exact: true }).waitFor({ state: 'detached' });
  });

  await task('take the list of orders along', 3, async () => {
    await menu('Orders');
    await button('Export');
    const saved = page.waitForEvent('download');
    await press(page.getByRole('menuitem', { name: 'CSV' }));
    const text = readFileSync(await (await saved).path(), 'utf8');
    assert.equal(text.trim().split('\r\n').length, 32);
    assert.match(text, /Marie Curie/);
  });

  assert.equal(tasks, 12);
  assert.deepEqual(over, []);
  // Without the role one sees the own records only, and there are none.
  const other = await person(browser);
  await other.page.goto(`${address}/console/`);
  await other.page.getByLabel('User name or e-mail').fill('lise');
  await other.page.getByLabel(/^Password/).fill(input.password);
  await other.page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await other.page.getByRole('navigation', { name: 'Menu' }).getByRole('link', { name: 'Orders' }).click();
  await other.page.getByRole('status').getByText('31 records', { exact: true }).waitFor();
  other.whole();
  whole();
});
