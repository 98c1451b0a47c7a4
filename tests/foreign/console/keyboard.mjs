// A whole errand by the keyboard alone: where one is can always be seen, and is never lost.
import { address, api, assert, input, person, walk } from './browser.mjs';

await walk(async (browser) => {
  await api('POST', '/api/business/orders/orders/batch', Array.from({ length: 30 }, (_, n) => ({ customer: `Customer ${n}`, sku: `S-${n}`, quantity: n + 1 })));
  // A page that is left may ask for a record that was just deleted.
  const { page, look, whole } = await person(browser, { expected: ['/api/v1/auth', '/api/business/orders/orders', '/api/business/inventory/stock'] });
  await page.addInitScript(() => { window.pointed = 0; for (const name of ['mousedown', 'pointerdown', 'touchstart']) addEventListener(name, () => { window.pointed++; }, true); });

  /** How the element that has the focus, and what is around it, is drawn. What had it before looks different without. */
  const seen = () => page.evaluate(() => {
    const drawn = (element) => {
      const parts = [];
      for (let at = element, n = 0; at && n < 4; at = at.parentElement, n++) {
        const style = getComputedStyle(at);
        parts.push(n === 0 && style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0 ? `${style.outlineStyle} ${style.outlineColor}` : '', style.boxShadow, style.borderTopColor, style.backgroundColor);
      }
      return parts.join('|');
    };
    const name = (element) => element.outerHTML.slice(0, 240);
    const faults = [];
    const at = document.activeElement;
    const before = window.before;
    if (before && before.element !== at && before.element.isConnected && before.element.getClientRects().length > 0 && drawn(before.element) === before.drawn) faults.push(`looks the same without the focus: ${name(before.element)}`);
    if (!at || at === document.body) faults.push('nothing has the focus');
    else if (!at.matches(':focus-visible')) faults.push(`is not :focus-visible: ${name(at)}`);
    else {
      const box = at.getBoundingClientRect();
      if (box.bottom < 0 || box.top > innerHeight) faults.push(`is outside of the window: ${name(at)}`);
    }
    window.before = at && at !== document.body ? { element: at, drawn: drawn(at) } : null;
    return faults;
  });
  // Colours are those of the focus a frame after it came.
  const drawn = () => page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
  const check = async (where) => { await drawn(); assert.deepEqual(await seen(), [], where); };
  const press = async (key, where = key) => { await page.keyboard.press(key); await check(where); };
  /** Goes from thing to thing until the one that is wanted has the focus. */
  const reach = async (wanted, what, key = 'Tab') => {
    await wanted.first().waitFor();
    for (let n = 0; n < 150; n++) {
      if (await wanted.first().evaluate((element) => element === document.activeElement)) return;
      await page.keyboard.press(key);
      await check(`on the way to ${what}`);
    }
    assert.fail(`${what} is not reached by ${key}`);
  };
  /** After something went: the focus is somewhere, a moment later. */
  const kept = async (where) => { await look(() => document.activeElement && document.activeElement !== document.body); await check(where); };
  const button = (name, within = page) => within.getByRole('button', { name, exact: true });
  const main = page.getByRole('main');
  const dialog = page.getByRole('dialog');

  await page.goto(`${address}/console/`);
  await page.getByLabel('User name or e-mail').waitFor();
  await kept('sign-in');
  await page.keyboard.type('admin');
  await press('Tab');
  await page.keyboard.type(input.password);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: 'Home' }).waitFor();
  await kept('signed in');

  // A list, by the palette.
  await page.keyboard.press('Control+k');
  const palette = page.getByRole('textbox', { name: 'Pages, records, actions' });
  await palette.waitFor();
  await kept('palette');
  await page.keyboard.type('orders.orders');
  await page.getByRole('button', { name: /Orders/ }).and(page.locator('[data-action]')).first().waitFor();
  await page.keyboard.press('Enter');
  await page.getByText('30 records', { exact: true }).waitFor();
  await palette.waitFor({ state: 'detached' });
  await kept('list');

  // A filter.
  await reach(button('Filter'), 'Filter');
  await page.keyboard.press('Enter');
  const apply = button('Apply');
  await reach(page.getByRole('combobox', { name: 'Fields' }), 'the fields of the filter');
  await page.keyboard.press('ArrowDown');
  for (let n = 0; n < 12 && !/Quantity/.test(await page.locator('[role=option][data-combobox-selected]').first().innerText().catch(() => '')); n++) await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await reach(page.getByRole('combobox', { name: 'Condition' }), 'the condition');
  await page.keyboard.press('ArrowDown');
  for (let n = 0; n < 12 && !/at least/.test(await page.locator('[role=option][data-combobox-selected]').first().innerText().catch(() => '')); n++) await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await reach(page.getByRole('textbox', { name: 'Quantity' }), 'the value');
  await page.keyboard.type('28');
  await reach(apply, 'Apply');
  await page.keyboard.press('Enter');
  await page.getByText('3 records', { exact: true }).waitFor();
  await kept('filtered');

  // A row is chosen, and opened; it is changed.
  await reach(page.locator('tbody tr[tabindex="0"]'), 'the rows');
  await press('Space');
  await page.getByRole('toolbar').getByText('1 selected').waitFor();
  await press('Space');
  await press('ArrowDown');
  const name = (await page.locator('tbody tr:focus td').nth(1).innerText()).trim();
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name, exact: true }).waitFor();
  await kept('record');
  await reach(button('Edit'), 'Edit');
  await page.keyboard.press('Enter');
  await page.getByLabel('Quantity').waitFor();
  await kept('form');
  await reach(page.getByLabel('Sku'), 'the field');
  await page.keyboard.press('Control+a');
  await page.keyboard.type('KEYS');
  await reach(button('Save'), 'Save');
  await page.keyboard.press('Enter');
  await main.getByRole('definition').filter({ hasText: /^KEYS$/ }).waitFor();
  await kept('saved');

  // What cannot come back is asked before: no is where one is, and leads back.
  await reach(button('Delete', main), 'Delete');
  await page.keyboard.press('Enter');
  await dialog.waitFor();
  await look(() => document.activeElement?.closest('[role=dialog]'));
  await check('question');
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Cancel');
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  await look(() => document.activeElement?.textContent === 'Delete');
  await check('not deleted');
  await page.keyboard.press('Enter');
  await dialog.waitFor();
  await look(() => document.activeElement?.closest('[role=dialog]'));
  await reach(button('Delete', dialog), 'Delete in the question');
  await page.keyboard.press('Enter');
  await page.getByText('29 records', { exact: true }).waitFor();
  await dialog.waitFor({ state: 'detached' });
  await kept('deleted');
  assert.deepEqual(await api('GET', '/api/business/orders/orders?filter[sku][$eq]=KEYS'), []);

  // What can come back is deleted at once, and taken back.
  await page.keyboard.press('Control+k');
  await palette.waitFor();
  await page.keyboard.type('New stock');
  await page.locator('[data-action]').filter({ hasText: /New stock/i }).first().waitFor();
  await page.keyboard.press('Enter');
  await page.getByLabel('Sku').waitFor();
  await palette.waitFor({ state: 'detached' });
  await kept('new');
  await reach(page.getByLabel('Sku'), 'Sku');
  await page.keyboard.type('T-9');
  await reach(page.getByLabel('Quantity'), 'Quantity');
  await page.keyboard.type('4');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: 'T-9' }).waitFor();
  await kept('created');
  await reach(button('Delete', main), 'Delete');
  await page.keyboard.press('Enter');
  await page.getByText('Deleted: T-9').waitFor();
  await kept('deleted at once');
  await reach(page.getByRole('alert').getByRole('button', { name: 'Undo' }), 'Undo');
  await page.keyboard.press('Enter');
  await main.getByText('1 record', { exact: true }).waitFor();
  await kept('taken back');

  await reach(button('My account', page.getByRole('banner')), 'the own account', 'Shift+Tab');
  await page.keyboard.press('Enter');
  const leave = page.getByRole('menuitem', { name: 'Sign out' });
  await leave.waitFor();
  await kept('menu');
  await reach(leave, 'Sign out', 'ArrowDown');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await kept('signed out');
  assert.equal(await page.evaluate(() => window.pointed), 0);
  whole();
});
