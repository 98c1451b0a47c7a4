// Somebody works with a list of 5,000 records: scrolls anywhere, goes by the keyboard, narrows it, opens one and comes back to the same place.
import { address, api, assert, person, signIn, violations, walk } from './browser.mjs';

const many = 5000;
const orders = '/api/business/orders/orders';
await walk(async (browser) => {
  for (let from = 0; from < many; from += 1000) await api('POST', `${orders}/batch`, Array.from({ length: 1000 }, (_, n) => ({ customer: `Customer ${from + n}`, sku: `S-${n % 5}`, quantity: from + n + 1 })));
  const { page, whole, look } = await person(browser);
  await signIn(page);
  const read = [];
  page.on('request', (request) => { if (new URL(request.url()).pathname === orders && request.method() === 'GET') read.push(new URL(request.url()).searchParams); });
  await page.goto(`${address}/console/r/orders.orders?sort=quantity`);
  const row = (index) => page.locator(`tbody tr[data-index="${index}"]:not([aria-busy])`);
  await row(0).getByText('Customer 0', { exact: true }).waitFor();
  await page.getByRole('status').getByText('5,000 records', { exact: true }).waitFor();

  // The scrollbar is that of all records from the beginning, though the page has some rows only.
  const box = () => page.locator('.rows').evaluate((element) => ({ height: element.scrollHeight, rows: element.querySelectorAll('tr[data-index]').length, told: element.querySelector('table').getAttribute('aria-rowcount') }));
  const before = await box();
  assert.deepEqual([Math.round(before.height / 41), before.told], [many + 1, String(many + 1)]);
  assert.ok(before.rows < 60, `${before.rows} rows are in the page`);
  await page.locator('.rows').evaluate((element) => { element.scrollTop = element.scrollHeight; });
  await row(many - 1).getByText(`Customer ${many - 1}`, { exact: true }).waitFor();
  await page.locator('.rows').evaluate((element) => { element.scrollTop = 41 * 2500; });
  await row(2505).getByText('Customer 2505', { exact: true }).waitFor();
  const after = await box();
  assert.deepEqual([after.height, after.told], [before.height, before.told]);
  assert.deepEqual(await violations(page), []);
  assert.ok(read.length < 14, `${read.length} pages were read to see three places`);

  // By the keyboard: one stop for Tab, then arrows, pages and both ends; the row stays while it is scrolled away.
  await page.locator('tbody tr[tabindex="0"]').focus();
  await page.keyboard.press('End');
  const focused = (index) => look((wanted) => document.activeElement?.getAttribute('data-index') === String(wanted), index);
  await focused(many - 1);
  await page.keyboard.press('ArrowUp');
  await focused(many - 2);
  await page.keyboard.press('Space');
  await page.getByText('1 selected').waitFor();
  await page.locator('.rows').evaluate((element) => { element.scrollTop = 0; });
  await row(3).waitFor();
  await page.keyboard.press('ArrowUp');
  await focused(many - 3);
  await row(many - 3).waitFor();
  await page.keyboard.press('Home');
  await focused(0);
  // No key is lost, however soon it comes after rows were drawn. It took a few rounds to lose one.
  for (let round = 0; round < 20; round++) {
    await page.keyboard.press('End');
    await focused(many - 1);
    await page.locator('.rows').evaluate((element) => { element.scrollTop = 0; });
    await row(3).waitFor();
    await page.keyboard.press('ArrowUp');
    await focused(many - 2);
    await row(many - 2).waitFor();
    await page.keyboard.press('Home');
    await focused(0);
  }
  await page.keyboard.press('PageDown');
  await look(() => Number(document.activeElement?.getAttribute('data-index')) > 5);
  assert.equal(await page.locator('tbody tr[tabindex="0"]').count(), 1);
  const head = await page.locator('thead').boundingBox();
  await page.keyboard.press('Home');
  await focused(0);
  assert.ok((await row(0).boundingBox()).y >= head.y + head.height - 1, 'the first row is behind the head');

  // All: as many as one change takes.
  await page.getByRole('checkbox', { name: 'All' }).click();
  await page.getByText('1000 selected').waitFor();
  await page.getByRole('toolbar').getByRole('button', { name: 'Clear' }).click();

  // A record, and back to the same place; somebody else's change is seen there.
  await page.locator('.rows').evaluate((element) => { element.scrollTop = 41 * 3000; });
  await row(3004).getByText('Customer 3004', { exact: true }).click();
  await page.getByRole('heading', { name: 'Customer 3004' }).waitFor();
  await page.goBack();
  await row(3004).getByText('Customer 3004', { exact: true }).waitFor();
  assert.equal(await page.locator('.rows').evaluate((element) => element.scrollTop), 41 * 3000);
  const [changed] = await api('GET', `${orders}?filter[quantity]=3006`);
  await api('PATCH', `${orders}/${changed.id}`, { customer: 'Somebody else' });
  await row(3005).getByText('Somebody else', { exact: true }).waitFor();

  // Another question begins at the top.
  await page.getByRole('searchbox', { name: 'Search' }).fill('Customer 4321');
  await page.getByRole('status').getByText('1 record', { exact: true }).waitFor();
  await row(0).getByText('Customer 4321', { exact: true }).waitFor();
  await page.getByRole('searchbox', { name: 'Search' }).fill('');
  await page.getByRole('status').getByText('5,000 records', { exact: true }).waitFor();
  await page.getByRole('button', { name: 'Filter', exact: true }).click();
  await page.getByRole('combobox', { name: 'Fields' }).click();
  await page.getByRole('option', { name: 'Customer' }).click();
  await page.getByRole('combobox', { name: 'Condition' }).click();
  await page.getByRole('option', { name: 'begins with' }).click();
  await page.getByRole('textbox', { name: 'Customer' }).fill('Customer 49');
  await page.getByRole('button', { name: 'Apply' }).click();
  await page.getByRole('status').getByText('111 records', { exact: true }).waitFor();
  assert.deepEqual(await violations(page), []);

  // Who drags the scrollbar passes pages that no answer would reach in time: they are not read, where it rests is. The page's clock goes by hand.
  await page.clock.install();
  await page.goto(`${address}/console/r/orders.orders?sort=quantity`);
  await row(0).getByText('Customer 0', { exact: true }).waitFor();
  await page.getByRole('status').getByText('5,000 records', { exact: true }).waitFor();
  await page.clock.pauseAt(new Date(Date.now() + 60_000));
  const readBefore = read.length;
  for (let place = 230; place <= 4600; place += 230) {
    await page.locator('.rows').evaluate((element, top) => { element.scrollTop = top; }, 41 * place);
    await page.locator(`tbody tr[data-index="${place + 2}"]`).waitFor({ state: 'attached' });
    await page.clock.runFor(40);
  }
  const passing = read.slice(readBefore).map((query) => query.get('page'));
  assert.ok(passing.length <= 2, `pages read on the way: ${passing}`);
  await page.clock.resume();
  await row(4602).getByText('Customer 4602', { exact: true }).waitFor();
  whole();
});
