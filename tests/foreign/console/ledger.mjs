// Rows of a plugin's own tables: lists and records are there like those of any resource, and nothing in them writes, undoes or follows. The dashboard shows what the API says, to who may.
import { address, api, assert, inGerman, input, looks, person, signIn, walk } from './browser.mjs';

await walk(async (browser) => {
  const root = '/api/business/ledger';
  const { page, whole } = await person(browser, { expected: ['/api/v1/auth'] });
  await signIn(page);
  // Nothing is there yet, and what to do next is said.
  await page.getByRole('navigation').getByRole('link', { name: 'Finances' }).click();
  await page.getByRole('main').getByText(/No book is open yet. Open one with POST/).first().waitFor();
  await looks(page, 'finances-empty');
  const book = await api('POST', `${root}/books`, { name: 'Home', baseCommodity: 'EUR' });
  for (const [path, type] of [['Assets:Bank', 'asset'], ['Expenses:Food', 'expense']]) await api('POST', `${root}/books/${book.id}/accounts`, { path, type, commodity: 'EUR' });
  await api('POST', `${root}/journals`, { book: book.id, bookedOn: '2026-01-05', payee: 'Bakery', postings: [{ account: 'Expenses:Food', amount: '12.30' }, { account: 'Assets:Bank', amount: '-12.30' }] });
  await api('POST', `${root}/books/${book.id}/commodities`, { code: 'USD', scale: 2 });
  for (const [path, type] of [['Assets:Broker', 'asset'], ['Income:Salary', 'income'], ['Liabilities:Card', 'liability']]) await api('POST', `${root}/books/${book.id}/accounts`, { path, type });
  const now = new Date();
  const day = (months) => new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - months, 1)).toISOString().slice(0, 10);
  for (let n = 11; n >= 0; n--) {
    await api('POST', `${root}/journals`, { book: book.id, bookedOn: day(n), payee: 'Works', narration: 'Pay', postings: [{ account: 'Assets:Bank', amount: `${2500 + n * 13}.10` }, { account: 'Income:Salary', amount: `-${2500 + n * 13}.10`, commodity: 'EUR' }] });
    await api('POST', `${root}/journals`, { book: book.id, bookedOn: day(n), payee: 'Market', narration: 'Food for the month', postings: [{ account: 'Expenses:Food', amount: `${1700 + n * 31}.07` }, { account: 'Assets:Bank', amount: `-${1700 + n * 31}.07` }] });
  }
  await api('POST', `${root}/journals`, { book: book.id, bookedOn: day(0), payee: 'Broker', postings: [{ account: 'Assets:Broker', amount: '90071992547409.93', commodity: 'USD' }, { account: 'Income:Salary', amount: '-90071992547409.93', commodity: 'USD' }] });

  // The dashboard: figures are the API's, digit for digit, each currency by itself.
  const money = (amount, currency, locale = 'en-GB') => new Intl.NumberFormat(locale, { style: 'currency', currency }).format(amount);
  const sumOf = (balances, currency, ...types) => balances.filter((one) => one.commodity === currency && types.includes(one.type)).reduce((cents, one) => cents + BigInt(one.amount.replace('.', '')), 0n);
  const text = (cents) => `${cents < 0n ? '-' : ''}${(cents < 0n ? -cents : cents) / 100n}.${String((cents < 0n ? -cents : cents) % 100n).padStart(2, '0')}`;
  const { balances } = await api('GET', `${root}/books/${book.id}/balances?on=${now.toISOString().slice(0, 10)}`);
  const figure = (label) => page.locator('div:has(> [data-metric])').filter({ has: page.getByText(label, { exact: true }) }).locator('[data-metric]');
  await page.goto(`${address}/console/p/finance.ledger/dashboard`);
  await page.waitForURL(/book=.*commodity=EUR/);
  const held = money(text(sumOf(balances, 'EUR', 'asset')), 'EUR');
  await page.locator('[data-metric]').filter({ hasText: held }).first().waitFor();
  assert.equal(await figure('Total balance').innerText(), held);
  assert.equal(await figure('Net worth').innerText(), money(text(sumOf(balances, 'EUR', 'asset', 'liability')), 'EUR'));
  assert.equal(await figure('Income this month').innerText(), money('2500.10', 'EUR'));
  assert.equal(await figure('Expenses this month').innerText(), money('1700.07', 'EUR'));
  const rows = await page.getByRole('main').getByRole('table').first().getByRole('row').allInnerTexts();
  assert.equal(rows.length, 3, rows.join('\n'));
  assert.ok(rows.some((row) => row.includes('EUR') && row.includes(held)) && rows.some((row) => row.includes(money('90071992547409.93', 'USD'))), rows.join('\n'));
  for (const label of ['Income and expenses', 'Net worth over time']) await page.getByRole('img', { name: label }).waitFor();
  await page.getByRole('main').getByRole('link', { name: 'Market' }).first().waitFor();
  await looks(page, 'finances');
  await page.getByRole('combobox', { name: 'Currency' }).click();
  await page.getByRole('option', { name: 'USD' }).click();
  await page.waitForURL(/commodity=USD/);
  await page.locator('[data-metric]').filter({ hasText: money('90071992547409.93', 'USD') }).first().waitFor();

  await page.goto(`${address}/console/`);
  await page.getByRole('link', { name: 'Home', exact: true }).first().waitFor();
  await page.getByRole('region', { name: 'Booked last' }).getByText('Market').first().waitFor();
  await looks(page, 'home-finances');

  await page.goto(`${address}/console/r/finance.ledger.postings`);
  await page.getByText('52 records', { exact: true }).waitFor();
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
  await page.getByText('52 records', { exact: true }).waitFor();

  await page.goto(`${address}/console/r/finance.ledger.accounts?filter[type][$eq]=expense`);
  await page.getByText('Expenses:Food').click();
  await page.getByRole('heading', { level: 1, name: 'Expenses:Food' }).waitFor();
  for (const name of ['Edit', 'Delete']) assert.equal(await page.getByRole('button', { name }).count(), 0, name);
  assert.equal(await page.getByRole('tab', { name: 'History' }).count(), 0);

  // The page that the plugin draws itself reads its books by the same list.
  await page.goto(`${address}/console/p/finance.ledger/balances?book=${book.id}`);
  await page.getByText('Expenses:Food').waitFor();

  // Who may not read the books has neither the page nor the widgets.
  await api('POST', '/api/v1/users', { username: 'rita', password: input.password, email: 'rita@example.org', displayName: 'Rita', roles: ['user'], mustChangePassword: false });
  const guest = await person(browser, { expected: ['/console/p/'] });
  await signIn(guest.page, 'rita');
  await guest.page.getByRole('heading', { level: 1, name: 'Home' }).waitFor();
  await guest.page.waitForLoadState('networkidle');
  assert.equal(await guest.page.getByText(/Finances|Booked last|Net worth/).count(), 0);
  await guest.page.goto(`${address}/console/p/finance.ledger/dashboard`);
  await guest.page.getByText('There is no such page').waitFor();
  guest.whole();

  await page.goto(`${address}/console/p/finance.ledger/dashboard?book=${book.id}&commodity=EUR`);
  await inGerman(page);
  await page.getByRole('heading', { level: 1, name: 'Finanzen' }).waitFor();
  await page.locator('[data-metric]').filter({ hasText: '€' }).first().waitFor();
  await looks(page, 'finances-de');
  whole();
});
