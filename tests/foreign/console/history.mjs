// A change is taken back where nothing of it is lost, a deleted record comes back, and many records are changed at once; who may only read is offered none of it.
import { address, api, assert, input, inGerman, looks, person, signIn, walk } from './browser.mjs';

await walk(async (browser) => {
  const order = await api('POST', '/api/business/orders/orders', { customer: 'Mary Somerville', sku: 'H-1', quantity: 1 });
  await api('PATCH', `/api/business/orders/orders/${order.id}`, { quantity: 5 });
  await api('POST', `/api/business/orders/orders/${order.id}/actions/pay`, {});
  const { page, whole } = await person(browser, { expected: ['/api/business/orders/orders', '/api/business/inventory/stock'] });
  await signIn(page);

  // What an update did is taken back by an update of the revision that was looked at; an action's own field is not.
  await page.goto(`${address}/console/r/orders.orders/${order.id}`);
  await page.getByRole('tab', { name: 'History' }).click();
  await page.getByRole('button', { name: /^Undo: Updated/ }).waitFor();
  assert.equal(await page.getByRole('button', { name: /^Undo: (Pay|Created)/ }).count(), 0);
  await page.getByRole('button', { name: /^Undo: Updated/ }).click();
  const dialog = page.getByRole('dialog');
  assert.match(await dialog.innerText(), /Quantity\s+5\s+1/);
  await looks(page, 'undo');
  let meddled = false;
  await page.route(`**/orders/${order.id}`, async (route) => {
    if (route.request().method() === 'PATCH' && !meddled) {
      meddled = true;
      await api('PATCH', `/api/business/orders/orders/${order.id}`, { sku: 'H-2' });
    }
    await route.continue();
  });
  await dialog.getByRole('button', { name: 'Undo' }).click();
  await dialog.getByText('Somebody changed the record just now').waitFor();
  assert.equal((await api('GET', `/api/business/orders/orders/${order.id}`)).quantity, 5);
  await page.waitForFunction((id) => fetch(`/api/business/orders/orders/${id}`).then((answer) => answer.ok), order.id);
  await page.getByRole('tabpanel').getByText('H-2').waitFor();
  await dialog.getByRole('button', { name: 'Undo' }).click();
  await page.getByText('Taken back').waitFor();
  const after = await api('GET', `/api/business/orders/orders/${order.id}`);
  assert.deepEqual([after.quantity, after.sku, after.status], [1, 'H-2', 'Paid']);

  // A record of which nothing would be lost is deleted at once, and comes back under its id.
  const make = async (sku) => {
    await page.goto(`${address}/console/r/inventory.stock/new`);
    await page.getByLabel('Sku').fill(sku);
    await page.getByLabel('Quantity').fill('4');
    await page.getByRole('button', { name: 'Create' }).click();
    await page.getByRole('heading', { name: sku }).waitFor();
    return page.url().split('/').at(-1);
  };
  const [first, second] = [await make('T-1'), await make('T-2')];
  await page.getByRole('main').getByRole('button', { name: 'Delete' }).click();
  await page.getByText('Deleted: T-2').waitFor();
  await page.getByText('1 record', { exact: true }).waitFor();
  assert.equal(await dialog.count(), 0);
  await looks(page, 'deleted');
  await page.getByRole('alert').getByRole('button', { name: 'Undo' }).click();
  await page.getByText('2 records', { exact: true }).waitFor();
  assert.deepEqual((({ sku, quantity }) => ({ sku, quantity }))(await api('GET', `/api/business/inventory/stock/${second}`)), { sku: 'T-2', quantity: 4 });
  await page.getByRole('checkbox', { name: 'All' }).click();
  await page.getByRole('toolbar').getByText('2 selected').waitFor();
  await page.getByRole('toolbar').getByRole('button', { name: 'Delete' }).click();
  await page.getByText('2 deleted').waitFor();
  await page.getByText('Nothing here yet').waitFor();
  await page.getByRole('alert').getByRole('button', { name: 'Undo' }).click();
  await page.getByText('2 records', { exact: true }).waitFor();

  // The page of a record that is gone still tells what was done with it, and gives it back.
  await api('DELETE', `/api/business/inventory/stock/${first}`);
  await page.goto(`${address}/console/r/inventory.stock/${first}`);
  await page.getByText('This record is gone').waitFor();
  await page.getByRole('button', { name: /^Undo: Deleted/ }).click();
  await dialog.getByText('made again under its id').waitFor();
  await looks(page, 'made-again');
  await dialog.getByRole('button', { name: 'Undo' }).click();
  await page.getByRole('heading', { name: 'T-1' }).waitFor();

  // An action of a hundred: what was refused is named with its reason and stays selected.
  const many = await api('POST', '/api/business/orders/orders/batch', Array.from({ length: 100 }, (_, n) => ({ customer: `Buyer ${String(n).padStart(3, '0')}`, sku: 'M-1', quantity: 1 })));
  for (const one of many.results.slice(40, 43)) await api('POST', `/api/business/orders/orders/${one.id}/actions/pay`, {});
  await page.goto(`${address}/console/r/orders.orders?filter[sku][$eq]=M-1&sort=customer`);
  await page.getByText('100 records', { exact: true }).waitFor();
  const bar = page.getByRole('toolbar');
  await page.getByRole('checkbox', { name: 'All' }).click();
  await bar.getByText('100 selected').waitFor();
  await bar.getByRole('button', { name: 'Actions' }).click();
  await page.getByRole('menuitem', { name: 'Pay' }).click();
  await dialog.getByRole('button', { name: 'Pay' }).click();
  await dialog.getByText('97 done, 3 refused.').waitFor();
  await dialog.getByText('Buyer 042').waitFor();
  await dialog.getByText('only an Open order can become Paid').waitFor();
  assert.deepEqual(await dialog.getByRole('listitem').allInnerTexts(), ['Buyer 040', 'Buyer 041', 'Buyer 042']);
  await looks(page, 'refused');
  await dialog.getByRole('button', { name: 'Close' }).last().click();
  await bar.getByText('3 selected').waitFor();

  // New values for all of them; what is wrong is told at the field, and nothing is changed.
  await bar.getByRole('button', { name: 'Edit' }).click();
  await dialog.getByRole('combobox', { name: 'Fields to change' }).click();
  await page.getByRole('option', { name: 'Quantity' }).click();
  await dialog.getByRole('textbox', { name: 'Quantity' }).fill('20000');
  await dialog.getByRole('button', { name: 'Change 3 records' }).click();
  await dialog.getByText('must be at most 10000.', { exact: true }).waitFor();
  await looks(page, 'edit-many');
  await dialog.getByRole('textbox', { name: 'Quantity' }).fill('7');
  await dialog.getByRole('button', { name: 'Change 3 records' }).click();
  await page.getByText('3 records done').waitFor();
  await dialog.waitFor({ state: 'detached' });
  const sevens = await api('GET', '/api/business/orders/orders?filter[quantity]=7&limit=10');
  assert.deepEqual(sevens.map((one) => [one.customer, one.sku, one.status]).sort(), [['Buyer 040', 'M-1', 'Paid'], ['Buyer 041', 'M-1', 'Paid'], ['Buyer 042', 'M-1', 'Paid']]);
  await inGerman(page);
  await page.getByRole('checkbox', { name: 'Alle' }).click();
  await page.getByRole('toolbar').getByRole('button', { name: 'Bearbeiten' }).click();
  await page.getByRole('dialog').getByRole('combobox', { name: 'Felder, die geändert werden' }).waitFor();
  await looks(page, 'edit-many-de');
  await page.goto(`${address}/console/r/orders.orders/${order.id}`);
  await page.getByRole('tab', { name: 'Verlauf' }).click();
  await page.getByRole('button', { name: /^Rückgängig: Geändert/ }).first().click();
  await page.getByRole('dialog').getByText('Die früheren Werte').waitFor();
  await looks(page, 'undo-de');
  whole();

  // Who may only read sees the history, and nothing that changes anything.
  await api('POST', '/api/v1/roles', { name: 'auditor', permissions: ['core.identity:use', 'orders.orders:read:all', 'platform.audit:read'] });
  await api('POST', '/api/v1/users', { username: 'ada', password: input.password, email: 'ada@example.org', displayName: 'Ada', roles: ['auditor'] });
  const reader = await person(browser);
  await signIn(reader.page, 'ada');
  await reader.page.goto(`${address}/console/r/orders.orders/${order.id}`);
  await reader.page.getByRole('tab', { name: 'History' }).click();
  await reader.page.getByText('Updated', { exact: true }).first().waitFor();
  assert.equal(await reader.page.getByRole('button', { name: /^Undo/ }).count(), 0);
  await reader.page.goto(`${address}/console/r/orders.orders`);
  await reader.page.locator('.rows tbody tr').first().waitFor();
  assert.equal(await reader.page.getByRole('checkbox').count(), 0);
  reader.whole();
});
