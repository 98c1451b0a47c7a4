// What concerns a person is told while it happens, stays read in every browser, and is nobody else's; the services page shows who hears of whom.
import { address, api, assert, input, inGerman, looks, person, signIn, violations, walk } from './browser.mjs';

/** A change of the person who is signed in, by the page's own means. */
const send = (page, method, path, body) => page.evaluate(async ([way, to, what]) => (await fetch(to, { method: way, headers: { 'content-type': 'application/json', 'x-csrf-token': localStorage.getItem('nexus.csrf') }, body: JSON.stringify(what) })).status, [method, path, body]);

await walk(async (browser) => {
  await api('POST', '/api/v1/plugins', { path: input.chores });
  await api('POST', '/api/v1/roles', { name: 'helper', permissions: ['core.identity:use', 'orders.orders:read:all'] });
  const ida = await api('POST', '/api/v1/users', { username: 'ida', password: input.password, email: 'ida@example.org', displayName: 'Ida', roles: ['helper'] });
  const { page, whole } = await person(browser, { expected: ['/api/v1/tasks'] });
  const told = [];
  page.on('websocket', (socket) => socket.on('framereceived', ({ payload }) => told.push(String(payload))));
  await signIn(page);
  const bell = (at) => at.getByRole('banner').getByRole('button', { name: /notification/i });
  const counts = (at, count) => at.getByRole('banner').getByRole('button', { name: count === 0 ? 'Notifications' : `${count} new notification${count === 1 ? '' : 's'}`, exact: true }).waitFor();
  // The password of this account was changed a moment ago.
  const before = 1;
  await counts(page, before);

  // Own tasks that end: told over the socket, without a reload. One that has ended already is answered with its end.
  assert.ok([200, 202].includes(await send(page, 'POST', '/api/v1/tasks', { task: 'chores.sweep' })));
  await counts(page, before + 1);
  assert.ok([200, 202].includes(await send(page, 'POST', '/api/v1/tasks', { task: 'chores.burn' })));
  await counts(page, before + 2);
  assert.ok(told.some((one) => one.includes('"type":"notifications"')), told.slice(-5).join('\n'));
  // A task of somebody else is nothing to tell this person.
  await api('POST', '/api/v1/tasks', { task: 'chores.sweep' });

  // A plugin that does not come up, and a letter that could not be delivered.
  const refused = await fetch(`${address}/api/v1/plugins`, { method: 'POST', headers: { authorization: `Bearer ${input.token}`, 'content-type': 'application/json' }, body: JSON.stringify({ path: input.broken }) });
  assert.ok(refused.status >= 400);
  await page.waitForFunction((count) => Number(/^\d+/.exec(document.querySelector('header button[aria-label*="otification"]').ariaLabel)?.[0]) > count, before + 2);
  // Dead letters are told at once. The quickest of three, for a machine that stands still for a moment.
  const letters = [];
  for (let n = 0; n < 3; n++) {
    const shown = await page.evaluate(() => Number(/^\d+/.exec(document.querySelector('header button[aria-label*="otification"]').ariaLabel)[0]));
    const from = Date.now();
    await api('POST', '/api/v1/events', { name: 'chores.letter', data: {} });
    await page.waitForFunction((count) => Number(/^\d+/.exec(document.querySelector('header button[aria-label*="otification"]').ariaLabel)[0]) > count, shown);
    letters.push(Date.now() - from);
  }
  console.log(`dead letters were told after ${letters.join(', ')} ms`);
  assert.ok(Math.min(...letters) < 2000, `dead letters were told after ${letters.join(', ')} ms`);
  await bell(page).click();
  const list = page.getByRole('region', { name: 'Notifications' });
  await list.getByText('chores.letter could not be delivered').first().waitFor();
  await list.getByText('chores.sweep is done').waitFor();
  await list.getByText('Plugin broken: something failed').first().waitFor();
  assert.equal(await list.getByText('chores.sweep is done').count(), 1);
  await looks(page, 'bell');

  // Each leads to its page, and is read then, here and in another browser.
  const unread = Number(/^\d+/.exec(await bell(page).getAttribute('aria-label'))[0]);
  await list.getByRole('link', { name: 'chores.burn failed' }).click();
  await page.waitForURL(/\/tasks\?open=/);
  await page.getByRole('dialog').getByText('the fire was out').first().waitFor();
  await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click();
  await counts(page, unread - 1);
  const other = await person(browser);
  await signIn(other.page);
  await counts(other.page, unread - 1);
  await bell(other.page).click();
  await other.page.getByRole('button', { name: 'Mark all as read' }).click();
  await counts(other.page, 0);
  other.whole();
  await page.reload();
  await counts(page, 0);
  whole();

  // Who may read neither plugins nor events is told of the own account alone.
  const guest = await person(browser);
  await signIn(guest.page, 'ida');
  await counts(guest.page, 0);
  assert.equal(await send(guest.page, 'POST', '/api/v1/api-keys', { name: 'mine' }), 201);
  await counts(guest.page, 1);
  await bell(guest.page).click();
  await guest.page.getByRole('region', { name: 'Notifications' }).getByText('An API key was made for you').waitFor();
  assert.equal(await guest.page.getByRole('region', { name: 'Notifications' }).getByRole('listitem').count(), 1);
  assert.deepEqual(await violations(guest.page), []);
  assert.equal(await guest.page.getByRole('navigation').getByRole('link', { name: 'Services' }).count(), 0);
  guest.whole();
  assert.ok(ida.id);

  // Services: the inventory hears of orders, as a line and as a row, with what went over it.
  await api('POST', '/api/business/orders/orders', { customer: 'Ada', sku: 'N-1', quantity: 1 });
  await page.getByRole('navigation').getByRole('link', { name: 'Services' }).click();
  const row = page.getByRole('region', { name: 'Lines' }).getByRole('row').filter({ hasText: 'orders.orders.created' });
  await row.waitFor();
  assert.deepEqual((await row.getByRole('cell').allInnerTexts()).slice(0, 4), ['orders', 'inventory', 'orders.orders.created', 'EVENTS'].map((text) => text.replace('EVENTS', 'Events')));
  assert.equal(await page.locator('svg.graph path title').filter({ hasText: 'orders → inventory: orders.orders.created' }).count(), 1);
  await looks(page, 'services');

  await inGerman(page);
  await page.getByRole('heading', { level: 1, name: 'Dienste' }).waitFor();
  await page.getByRole('region', { name: 'Verbindungen' }).waitFor();
  await page.getByRole('button', { name: 'Mitteilungen' }).click();
  await page.getByRole('region', { name: 'Mitteilungen' }).getByText('chores.burn ist gescheitert').waitFor();
  await looks(page, 'bell-de');
  await page.evaluate(() => localStorage.setItem('nexus.language', 'en'));
  await page.reload();

  // More resources than a socket carries subscriptions: all are counted, and none is refused.
  await api('POST', '/api/v1/plugins', { path: input.shelf });
  told.length = 0;
  await page.goto(`${address}/console/`);
  await page.getByRole('main').getByText('Things12', { exact: true }).waitFor();
  for (const name of ['things1', 'things12']) await api('POST', `/api/custom/shelf/${name}`, { name: 'one' });
  await page.waitForFunction(() => ['Things1', 'Things12'].every((name) => [...document.querySelectorAll('main a')].some((card) => card.innerText.startsWith(`${name}\n`) && card.innerText.split('\n').map((line) => line.trim()).includes('1'))));
  assert.deepEqual(told.filter((one) => one.includes('"type":"error"')), []);

  // The trail names people where their accounts may be read.
  await page.getByRole('navigation').getByRole('link', { name: 'Audit' }).click();
  await page.getByRole('cell', { name: 'Ida', exact: true }).first().waitFor();
  whole();
});
