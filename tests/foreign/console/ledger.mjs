// Rows of a plugin's own tables: lists and records are there like those of any resource, and nothing in them writes, undoes or follows.
import { address, api, assert, looks, person, signIn, walk } from './browser.mjs';

await walk(async (browser) => {
  const root = '/api/business/ledger';
  const book = await api('POST', `${root}/books`, { name: 'Home', baseCommodity: 'EUR' });
  for (const [path, type] of [['Assets:Bank', 'asset'], ['Expenses:Food', 'expense']]) await api('POST', `${root}/books/${book.id}/accounts`, { path, type, commodity: 'EUR' });
  await api('POST', `${root}/journals`, { book: book.id, bookedOn: '2026-01-05', payee: 'Bakery', postings: [{ account: 'Expenses:Food', amount: '12.30' }, { account: 'Assets:Bank', amount: '-12.30' }] });
  const { page, whole } = await person(browser);
  await signIn(page);
  await page.getByRole('link', { name: 'Home', exact: true }).first().waitFor();

  await page.goto(`${address}/console/r/finance.ledger.postings`);
  await page.getByText('2 records', { exact: true }).waitFor();
  await page.getByText(/12\.30/).first().waitFor();
  await looks(page, 'view-of-rows');
  assert.equal(await page.getByRole('button', { name: /^New / }).count(), 0);
  // Nothing can be done with a chosen row, so none is chosen.
  assert.equal(await page.getByRole('main').getByRole('checkbox').count(), 0);
  await page.locator('tbody tr[tabindex="0"]').focus();
  await page.keyboard.press('Space');
  assert.equal(await page.getByRole('toolbar').count(), 0);
  assert.equal(await page.locator('tbody tr[aria-selected]').count(), 0);
  await page.getByRole('columnheader', { name: 'Booked on' }).getByRole('button').click();
  await page.waitForURL(/sort=/);
  await page.getByText('2 records', { exact: true }).waitFor();

  await page.goto(`${address}/console/r/finance.ledger.accounts?filter[type][$eq]=expense`);
  await page.getByText('Expenses:Food').click();
  await page.getByRole('heading', { level: 1, name: 'Expenses:Food' }).waitFor();
  for (const name of ['Edit', 'Delete']) assert.equal(await page.getByRole('button', { name }).count(), 0, name);
  assert.equal(await page.getByRole('tab', { name: 'History' }).count(), 0);

  // The page that the plugin draws itself reads its books by the same list.
  await page.goto(`${address}/console/p/finance.ledger/balances?book=${book.id}`);
  await page.getByText('Expenses:Food').waitFor();
  whole();
});
