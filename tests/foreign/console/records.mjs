// One person works with orders: makes one, is told what is wrong where it is wrong, searches, filters, changes, acts, sees the history, deletes.
import { address, api, assert, person, signIn, violations, walk } from './browser.mjs';

await walk(async (browser) => {
  const { page, whole } = await person(browser, { expected: ['/api/business/orders/orders'] });
  await signIn(page);

  // What is wrong is said by the server, at its field, and nothing that was typed is lost.
  await page.getByRole('link', { name: 'Orders' }).first().click();
  await page.getByRole('button', { name: 'New Order' }).click();
  await page.getByLabel('Customer').fill('Ada Lovelace');
  await page.getByLabel('Quantity').fill('20000');
  await page.getByRole('button', { name: 'Create' }).click();
  await page.getByText('must be at most 10000.').waitFor();
  assert.equal(await page.getByLabel('Sku').getAttribute('aria-invalid'), 'true');
  assert.equal(await page.getByLabel('Customer').inputValue(), 'Ada Lovelace');
  assert.deepEqual(await violations(page), []);
  await page.getByLabel('Quantity').fill('3');
  await page.getByLabel('Sku').fill('A-1');
  await page.getByLabel('Total').fill('12345678901234567.89');
  await page.getByRole('button', { name: 'Create' }).click();
  await page.getByRole('heading', { name: 'Ada Lovelace' }).waitFor();
  const [made] = await api('GET', '/api/business/orders/orders?q=Lovelace');
  assert.deepEqual([made.customer, made.quantity, made.total], ['Ada Lovelace', 3, { amount: '12345678901234567.89', currency: 'EUR' }]);
  await page.getByText('€12,345,678,901,234,567.89').waitFor();

  // What somebody else does is seen without a reload, and does not take an input away.
  await page.getByRole('button', { name: 'Edit' }).click();
  await page.getByLabel('Customer').fill('Ada King');
  await api('PATCH', `/api/business/orders/orders/${made.id}`, { sku: 'A-2' });
  await page.getByText('Somebody changed this record meanwhile').waitFor();
  assert.equal(await page.getByLabel('Customer').inputValue(), 'Ada King');
  await page.getByRole('button', { name: 'Read the newest' }).click();
  assert.equal(await page.getByLabel('Sku').inputValue(), 'A-2');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('heading', { name: 'Ada King' }).waitFor();

  // Actions.
  await page.getByRole('main').getByRole('button', { name: 'Pay' }).click();
  await page.getByRole('dialog').waitFor();
  assert.deepEqual(await violations(page), []);
  await page.getByRole('dialog').getByRole('button', { name: 'Pay' }).click();
  await page.getByText('Paid', { exact: true }).waitFor();
  await page.getByRole('main').getByRole('button', { name: 'Pay' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Pay' }).click();
  await page.getByText('only an Open order can become Paid').waitFor();
  assert.deepEqual(await violations(page), []);

  // History, from the audit trail.
  await page.getByRole('tab', { name: 'History' }).click();
  const history = page.getByRole('tabpanel', { name: 'History' });
  await history.getByText('Pay', { exact: true }).waitFor();
  const changed = await history.innerText();
  assert.match(changed, /Ada Lovelace\s+Ada King/);

  // Lists: search, filter, sort, all in the address; live.
  await api('POST', '/api/business/orders/orders/batch', Array.from({ length: 250 }, (_, n) => ({ customer: `Customer ${n}`, sku: `S-${n % 5}`, quantity: n + 1 })));
  await page.goto(`${address}/console/r/orders.orders`);
  await page.getByText('251 records', { exact: true }).waitFor();
  await page.getByRole('searchbox', { name: 'Search' }).fill('King');
  await page.getByText('1 record', { exact: true }).waitFor();
  assert.match(page.url(), /q=King/);
  await page.getByRole('searchbox', { name: 'Search' }).fill('');
  await page.getByText('251 records', { exact: true }).waitFor();
  await page.getByRole('button', { name: 'Filter', exact: true }).click();
  await page.getByRole('combobox', { name: 'Fields' }).click();
  await page.getByRole('option', { name: 'Quantity' }).click();
  await page.getByRole('combobox', { name: 'Condition' }).click();
  await page.getByRole('option', { name: 'at least' }).click();
  await page.getByRole('textbox', { name: 'Quantity' }).fill('201');
  await page.getByRole('button', { name: 'Apply' }).click();
  await page.getByText('50 records', { exact: true }).waitFor();
  await page.getByRole('button', { name: 'Quantity', exact: true }).click();
  await page.waitForURL(/sort=quantity/);
  await page.getByRole('row').nth(1).getByText('201', { exact: true }).waitFor();
  await api('POST', '/api/business/orders/orders', { customer: 'Late', sku: 'S-9', quantity: 999 });
  await page.getByText('51 records', { exact: true }).waitFor();
  assert.deepEqual(await violations(page), []);

  // From the keyboard: choose two rows and delete them.
  await page.locator('tbody tr[tabindex="0"]').first().focus();
  await page.keyboard.press('Space');
  await page.keyboard.press('ArrowDown');
  await page.waitForFunction(() => document.activeElement?.getAttribute('data-index') === '1');
  await page.keyboard.press('Space');
  await page.getByText('2 selected').waitFor();
  await page.getByRole('toolbar').getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByText('49 records', { exact: true }).waitFor();

  // The palette finds a record by its name.
  await page.keyboard.press('Control+k');
  await page.getByRole('textbox', { name: 'Pages, records, actions' }).fill('King');
  await page.getByRole('button', { name: 'Ada King' }).click();
  await page.getByRole('heading', { name: 'Ada King' }).waitFor();
  await page.getByRole('main').getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await page.waitForURL(/\/r\/orders\.orders$/);
  assert.deepEqual(await api('GET', '/api/business/orders/orders?q=King'), []);
  whole();
});
