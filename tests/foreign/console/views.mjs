// A person keeps a view of a list: it follows them into another browser, opens the list, and can be sent as a link; nobody else has it.
import { address, api, assert, input, inGerman, looks, person, signIn, walk } from './browser.mjs';

await walk(async (browser) => {
  await api('POST', '/api/business/orders/orders/batch', Array.from({ length: 30 }, (_, n) => ({ customer: `Buyer ${String(n).padStart(2, '0')}`, sku: n % 2 ? 'V-1' : 'V-2', quantity: n + 1 })));
  const { page, whole } = await person(browser, { permissions: ['clipboard-read', 'clipboard-write'], expected: ['/api/v1/ui/views'] });
  await signIn(page);
  const heads = async (at) => (await at.getByRole('columnheader').allInnerTexts()).map((text) => text.trim()).filter(Boolean);
  await page.goto(`${address}/console/r/orders.orders?filter[sku][$eq]=V-1&sort=-quantity`);
  await page.getByText('15 records', { exact: true }).waitFor();
  await page.getByRole('button', { name: 'Columns' }).click();
  for (const name of ['Total', 'Status', 'Changed']) await page.getByRole('checkbox', { name, exact: true }).uncheck();
  await page.keyboard.press('Escape');
  await page.waitForFunction(() => document.querySelectorAll('main th').length === 4);

  // What is wrong with a name is said at its field; then it is kept, and the address says all that is shown.
  const dialog = page.getByRole('dialog');
  await page.getByRole('button', { name: 'Views' }).click();
  await page.getByRole('button', { name: 'Save this view …' }).click();
  await dialog.getByRole('textbox', { name: 'Name' }).fill('  ');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.getByText('has 1 to 80 characters.').waitFor();
  await dialog.getByRole('textbox', { name: 'Name' }).fill('Large ones of V-1');
  await looks(page, 'view-save');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await page.waitForURL(/columns=customer%2Csku%2Cquantity/);
  const view = page.getByRole('main').getByRole('button', { name: 'Large ones of V-1', exact: true });
  await view.click();
  await page.getByRole('button', { name: 'Open the list with it', exact: true }).click();
  await view.click();
  await page.getByRole('button', { name: 'No longer open the list with it' }).waitFor();
  await looks(page, 'views');
  await page.getByRole('button', { name: 'Copy the link' }).click();
  await page.getByText('Copied').waitFor();
  const link = await page.evaluate(() => navigator.clipboard.readText());

  // In another browser the list opens with it; what is asked for by an address is not changed by it.
  const other = await person(browser);
  await signIn(other.page);
  await other.page.getByRole('navigation').getByRole('link', { name: 'Orders' }).click();
  await other.page.waitForURL(/sort=-quantity/);
  await other.page.getByText('15 records', { exact: true }).waitFor();
  assert.deepEqual(await heads(other.page), ['Customer', 'Sku', 'Quantity']);
  await other.page.getByRole('row').nth(1).getByText('Buyer 29').waitFor();
  await other.page.getByRole('button', { name: 'Large ones of V-1' }).click();
  await other.page.getByRole('button', { name: 'Everything' }).click();
  await other.page.getByText('30 records', { exact: true }).waitFor();
  await other.page.goto(`${address}/console/r/orders.orders?filter[sku][$eq]=V-2`);
  await other.page.getByText('15 records', { exact: true }).waitFor();
  await other.page.getByRole('row').nth(1).getByText('V-2').waitFor();
  other.whole();

  // Somebody else has the link and not the view, and none of a resource that they may not read.
  await api('POST', '/api/v1/roles', { name: 'viewer', permissions: ['core.identity:use', 'orders.orders:read:all'] });
  await api('POST', '/api/v1/users', { username: 'ida', password: input.password, email: 'ida@example.org', displayName: 'Ida', roles: ['viewer'] });
  const guest = await person(browser, { expected: ['/api/v1/ui/views/inventory.stock'] });
  await signIn(guest.page, 'ida');
  await guest.page.goto(link);
  await guest.page.getByText('15 records', { exact: true }).waitFor();
  assert.deepEqual(await heads(guest.page), ['Customer', 'Sku', 'Quantity']);
  await guest.page.getByRole('button', { name: 'Views' }).click();
  await guest.page.getByRole('button', { name: 'Everything' }).waitFor();
  assert.equal(await guest.page.getByRole('region', { name: 'Views' }).getByRole('button', { name: 'Large ones of V-1' }).count(), 0);
  assert.equal(await guest.page.evaluate(() => fetch('/api/v1/ui/views/inventory.stock').then((answer) => answer.status)), 404);
  guest.whole();

  // It goes, and comes back while one thinks better of it.
  await page.keyboard.press('Escape');
  await view.click();
  await page.getByRole('button', { name: 'Delete Large ones of V-1' }).click();
  await page.getByText('View deleted').waitFor();
  await page.getByRole('button', { name: 'Views' }).waitFor();
  await page.getByRole('alert').getByRole('button', { name: 'Undo' }).click();
  await view.waitFor();
  await inGerman(page);
  await view.click();
  await page.getByRole('button', { name: 'Link kopieren' }).waitFor();
  await looks(page, 'views-de');
  whole();
});
