// Who may read orders and nothing else: what one may not see is not in the page, also not by its address.
import { address, api, assert, input, person, signIn, violations, walk } from './browser.mjs';

await walk(async (browser) => {
  await api('POST', '/api/v1/roles', { name: 'reader', permissions: ['core.identity:use', 'orders.orders:read:all'] });
  await api('POST', '/api/v1/users', { username: 'rita', password: input.password, email: 'rita@example.org', displayName: 'Rita', roles: ['reader'] });
  const order = await api('POST', '/api/business/orders/orders', { customer: 'Barbara Liskov', sku: 'L-1', quantity: 1 });
  const { page, whole, faults } = await person(browser, { expected: ['/api/v1/auth/login', 'PASSWORD_CHANGE'] });

  await page.goto(`${address}/console/`);
  await page.getByLabel('User name or e-mail').fill('rita');
  await page.locator('input[name=password]').fill('wrong');
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByRole('alert').waitFor();
  assert.deepEqual(await violations(page), []);
  await page.locator('input[name=password]').fill(input.password);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByRole('heading', { level: 1 }).waitFor();
  if (await page.locator('input[name="new-password"]').count()) {
    await page.locator('input[name="new-password"]').fill(`${input.password}-of-rita`);
    await page.getByRole('button', { name: 'Save' }).click();
  }
  await page.getByRole('heading', { level: 1, name: 'Home' }).waitFor();

  await page.getByRole('navigation').getByRole('link', { name: 'Orders' }).waitFor();
  const links = await page.locator('nav a').evaluateAll((all) => all.map((a) => a.textContent));
  assert.deepEqual(links, ['Home', 'Orders', 'API keys', 'My account', 'API explorer']);
  await page.getByRole('navigation').getByRole('link', { name: 'Orders' }).click();
  await page.getByText('Barbara Liskov').waitFor();
  assert.equal(await page.getByRole('button', { name: 'New Order' }).count(), 0);
  assert.equal(await page.getByRole('main').getByRole('checkbox').count(), 0);
  await page.getByText('Barbara Liskov').click();
  await page.getByRole('heading', { name: 'Barbara Liskov' }).waitFor();
  for (const name of ['Edit', 'Delete', 'Pay', 'Cancel']) assert.equal(await page.getByRole('button', { name }).count(), 0, name);
  assert.equal(await page.getByRole('tab', { name: 'History' }).count(), 0);
  for (const path of ['/plugins', '/health', '/users', '/roles', '/groups', '/r/inventory.stock']) {
    await page.goto(`${address}/console${path}`);
    await page.getByText('There is no such page').waitFor();
  }

  // Seen by nobody who is signed out, whatever was kept; what was on its way then is asked of nobody.
  const context = page.context();
  let release;
  const signedOut = new Promise((resolve) => { release = resolve; });
  const settled = new Promise((resolve) => { for (const end of ['requestfinished', 'requestfailed']) context.on(end, (request) => { if (request.url().endsWith('/attachments')) resolve(); }); });
  await context.route('**/attachments', async (route) => { await signedOut; await route.continue().catch(() => undefined); });
  await context.route('**/auth/logout', async (route) => { const response = await route.fetch(); release(); await settled; await route.fulfill({ response }); });
  const held = context.waitForEvent('request', (request) => request.url().endsWith('/attachments'));
  await page.goto(`${address}/console/r/orders.orders/${order.id}`);
  await held;
  await page.getByRole('heading', { name: 'Barbara Liskov' }).waitFor();
  await page.waitForLoadState('networkidle');
  await page.getByRole('button', { name: 'My account' }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  const kept = await page.evaluate(async () => (await Promise.all((await caches.keys()).map(async (name) => (await (await caches.open(name)).keys()).map((request) => new URL(request.url).pathname)))).flat());
  assert.deepEqual(kept.filter((path) => path.includes('orders') || path.includes('auth/me')), []);
  whole();
});
