// An operator sees where the time goes and why, tends the database, and tries an operation of the API.
import { api, assert, input, person, shot, signIn, violations, walk } from './browser.mjs';

await walk(async (browser) => {
  await api('POST', '/api/v1/plugins', { path: input.counter });
  await api('GET', '/api/custom/counter/');
  const { page, whole } = await person(browser, { expected: ['/api/business/orders/orders'] });
  await signIn(page);
  const open = async (name) => {
    await page.getByRole('navigation').getByRole('link', { name, exact: true }).click();
    await page.getByRole('heading', { level: 1, name }).waitFor();
  };

  // The route that was slow, the statement behind it, and its plan; no value is shown.
  await open('Performance');
  await page.getByRole('region', { name: 'Routes' }).getByText('/api/custom/counter').waitFor();
  const statements = page.getByRole('region', { name: 'Queries', exact: true });
  await statements.getByText('WITH RECURSIVE').waitFor();
  assert.doesNotMatch(await page.getByRole('main').innerText(), /300000/);
  const slow = page.getByRole('region', { name: 'Slow queries' }).getByRole('row').filter({ hasText: 'RECURSIVE' });
  await slow.getByRole('button', { name: 'Plan: counter' }).click();
  await page.getByRole('dialog').getByText(/scan/i).first().waitFor();
  assert.deepEqual(await violations(page), []);
  await shot(page, 'slow-query');
  await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click();
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await page.getByText('Count', { exact: true }).first().click();
  await page.waitForURL(/sort=count/);

  // The log as it comes; by level, text and the request in which a line was written.
  await open('Log');
  const lines = page.getByRole('region', { name: 'Log' });
  for (const word of ['good', 'bad']) await api('GET', `/api/custom/counter/say/${word}`);
  await lines.getByText('said bad').waitFor();
  await lines.getByText('said good').waitFor();
  await page.getByLabel('Component').fill('counter');
  await page.waitForFunction(() => document.querySelectorAll('main tbody tr').length === 2);
  await page.getByRole('combobox', { name: 'Level' }).click();
  await page.getByRole('option', { name: 'error', exact: true }).click();
  await page.waitForFunction(() => document.querySelectorAll('main tbody tr').length === 1);
  await lines.getByText('said bad').waitFor();
  assert.deepEqual(await violations(page), []);
  await shot(page, 'log-errors');
  await page.getByLabel('Component').fill('');
  await page.getByLabel('Search').last().fill('SAID BAD');
  await page.waitForURL(/q=SAID/);
  await lines.getByRole('button').first().click();
  await page.waitForURL(/request=/);
  assert.notEqual(await page.getByLabel('Request').inputValue(), '');
  await lines.getByText('said bad').waitFor();

  // The tables with their indexes; the care says what it did.
  await open('Database');
  await page.getByRole('cell', { name: 'orders.orders', exact: true }).waitFor();
  await page.getByRole('button', { name: 'Optimize' }).click();
  await page.getByText(/0 indexes made, done in/).waitFor();
  assert.deepEqual(await violations(page), []);

  // An operation is found, filled in and sent; what is wrong with it is the server's own word.
  await open('API explorer');
  const choose = async (path, words) => {
    await page.getByRole('combobox', { name: 'Operation' }).fill(words);
    await page.getByRole('option', { name: path }).first().click();
  };
  await choose(/^POST \/api\/business\/orders\/orders ·/, 'POST /api/business/orders/orders');
  await page.getByLabel('Body').fill('{ "customer": ');
  await page.getByRole('button', { name: 'Send' }).click();
  await page.getByText(/The body is no JSON/).waitFor();
  await page.getByLabel('Body').fill('{ "customer": "Ada" }');
  await page.getByRole('button', { name: 'Send' }).click();
  await page.locator('[data-status="400"], [data-status="422"]').waitFor();
  await page.getByRole('region', { name: 'Body' }).getByText(/sku/).waitFor();
  await page.getByLabel('Body').first().fill('{ "customer": "Ada", "sku": "A-1", "quantity": 2, "total": { "amount": "5.00", "currency": "EUR" } }');
  await page.getByRole('button', { name: 'Send' }).click();
  await page.locator('[data-status="201"]').waitFor();
  assert.deepEqual(await violations(page), []);
  await shot(page, 'explorer-answer');
  await choose(/^GET \/api\/business\/orders\/orders\/\{id\} ·/, 'GET /api/business/orders/orders/{id}');
  assert.ok(await page.getByRole('button', { name: 'Send' }).isDisabled());
  await page.getByLabel('id', { exact: false }).first().fill('nothing');
  await page.getByRole('button', { name: 'Send' }).click();
  await page.locator('[data-status="404"], [data-status="400"]').waitFor();
  assert.equal(new URL(page.url()).searchParams.has('operation'), true);
  whole();
});
