// Answers that come late: none hides what happened meanwhile, none is asked for twice, and none takes somebody away from where they went.
import { address, api, assert, input, person, signIn, walk } from './browser.mjs';

const stock = '/api/business/inventory/stock';
let made = 0;
const make = (sku = `L-${made + 1}`) => { made++; return api('POST', stock, { sku, quantity: 1 }); };
const gate = () => { let open; const opened = new Promise((resolve) => { open = resolve; }); return { open, opened }; };
/** Time in which an answer that is there would have acted. */
const moment = (page) => page.evaluate(() => new Promise((resolve) => { setTimeout(resolve, 600); }));
const records = (page, count) => page.getByText(`${count} record${count === 1 ? '' : 's'}`, { exact: true }).waitFor();
const menu = (page, label) => page.getByRole('navigation', { name: 'Menu' }).getByRole('link', { name: label, exact: true }).click();
const headed = (page, name) => page.getByRole('heading', { level: 1, name, exact: true }).waitFor();
const unread = (page, count) => page.getByRole('banner').getByRole('button', { name: count === 0 ? 'Notifications' : `${count} new notification${count === 1 ? '' : 's'}`, exact: true });
/** Something that concerns the person who is signed in. */
const concern = async (page) => assert.equal(await page.evaluate(async () => (await fetch('/api/v1/api-keys', { method: 'POST', headers: { 'content-type': 'application/json', 'x-csrf-token': localStorage.getItem('nexus.csrf') }, body: JSON.stringify({ name: 'late' }) })).status), 201);

/** Holds the answers to some requests until they may arrive, as they were when they were asked for; what it returns ends that. */
async function holding(page, pattern, isMeant, opened) {
  const held = async (route) => {
    if (!isMeant(route.request())) return route.fallback();
    const response = await route.fetch();
    await opened(response);
    return route.fulfill({ response }).catch(() => undefined);
  };
  await page.route(pattern, held);
  return () => page.unroute(pattern, held);
}

async function create(page, sku) {
  await page.goto(`${address}/console/r/inventory.stock/new`);
  await page.getByLabel('Sku').fill(sku);
  await page.getByLabel('Quantity').fill('4');
  await page.getByRole('button', { name: 'Create' }).click();
}

const claims = [
  async function a_record_that_is_told_before_the_first_answer_is_there_is_in_the_list(page, told) {
    let isFirst = true;
    const end = await holding(page, `**${stock}?*limit=100*`, () => isFirst && !(isFirst = false), async () => {
      const before = told.length;
      await make();
      while (!told.slice(before).some((one) => one.includes('"type":"event"'))) await page.waitForTimeout(20);
      await moment(page);
    });
    await menu(page, 'Stock');
    await records(page, made + 1);
    await end();
  },

  async function a_list_is_read_anew_while_changes_do_not_end(page) {
    const shown = async () => (await page.getByRole('status').filter({ hasText: /record/ }).allInnerTexts()).join();
    for (const [end, before] = [Date.now() + 30_000, await shown()]; (await shown()) === before; await make()) assert.ok(Date.now() < end, 'it is not read anew');
    await records(page, made);
  },

  async function who_chooses_one_after_all_has_chosen_that_one(page) {
    const late = gate();
    const end = await holding(page, `**${stock}?*fields=id*`, () => true, () => late.opened);
    await page.getByRole('checkbox', { name: 'All' }).click();
    await page.getByRole('checkbox', { name: 'Choose L-1', exact: true }).click();
    const toolbar = page.getByRole('toolbar');
    await toolbar.getByText('1 selected').waitFor();
    const answered = page.waitForResponse((answer) => answer.url().includes('fields=id'));
    late.open();
    await (await answered).finished();
    await moment(page);
    assert.equal(await toolbar.getByText('1 selected').count(), 1, await toolbar.innerText());
    await toolbar.getByRole('button', { name: 'Clear' }).click();
    await end();
  },

  async function what_was_typed_before_the_search_was_cleared_is_not_searched_for(page) {
    await menu(page, 'Orders');
    await page.getByRole('searchbox').fill('nothing');
    await page.getByText('Nothing matches').waitFor();
    await page.evaluate(() => {
      const box = document.querySelector('input[type=search]');
      Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(box, 'nothing at all');
      box.dispatchEvent(new Event('input', { bubbles: true }));
      [...document.querySelectorAll('main button')].find((one) => one.innerText === 'Clear').click();
    });
    await page.getByText('Nothing here yet').waitFor();
    await moment(page);
    assert.equal(new URL(page.url()).search, '');
  },

  async function two_clicks_delete_once(page) {
    let asked = 0;
    const end = await holding(page, `**${stock}/*`, (request) => request.method() === 'DELETE' && ++asked > 0, () => moment(page));
    await create(page, 'twice');
    await headed(page, 'twice');
    await page.getByRole('main').getByRole('button', { name: 'Delete' }).dblclick();
    await page.getByText('Deleted: twice').waitFor();
    assert.equal(asked, 1);
    await end();
  },

  async function who_went_elsewhere_stays_there_when_the_record_is_made(page) {
    const late = gate();
    const end = await holding(page, `**${stock}`, (request) => request.method() === 'POST', () => late.opened);
    await create(page, 'elsewhere');
    await menu(page, 'Plugins');
    await headed(page, 'Plugins');
    late.open();
    await page.getByText('Created', { exact: true }).waitFor();
    made++;
    await moment(page);
    assert.equal(new URL(page.url()).pathname, '/console/plugins');
    await end();
  },

  async function a_window_that_was_opened_anew_stays_when_the_one_before_is_answered(page) {
    const late = gate();
    const end = await holding(page, '**/api/v1/roles', (request) => request.method() === 'POST', () => late.opened);
    const dialog = page.getByRole('dialog');
    const open = async (name) => {
      await page.getByRole('button', { name: 'New role' }).click();
      await dialog.getByLabel('Name').fill(name);
    };
    await menu(page, 'Roles');
    await open('first');
    await dialog.getByRole('button', { name: 'Create' }).click();
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await dialog.waitFor({ state: 'detached' });
    await open('second');
    const answered = page.waitForResponse((answer) => answer.url().endsWith('/api/v1/roles') && answer.request().method() === 'POST');
    late.open();
    await (await answered).finished();
    await page.getByRole('link', { name: 'first', exact: true, includeHidden: true }).waitFor({ state: 'attached' });
    await moment(page);
    assert.equal(await dialog.getByLabel('Name').inputValue(), 'second');
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await end();
  },

  async function what_was_asked_before_all_was_read_makes_nothing_unread(page) {
    const late = gate();
    const asked = gate();
    let isFirst = true;
    const end = await holding(page, '**/api/v1/notifications', () => isFirst && !(isFirst = false), () => { asked.open(); return late.opened; });
    await concern(page);
    await asked.opened;
    await page.getByRole('banner').getByRole('button', { name: /notification/i }).click();
    await page.getByRole('button', { name: 'Mark all as read' }).click();
    await unread(page, 0).waitFor();
    // A moment of the old count would be told to who listens.
    await page.evaluate(() => {
      globalThis.counts = [];
      new MutationObserver((seen) => seen.forEach((one) => globalThis.counts.push(one.target.ariaLabel))).observe(document.querySelector('header button[aria-label*="otification"]'), { attributeFilter: ['aria-label'] });
    });
    late.open();
    await moment(page);
    assert.deepEqual(await page.evaluate(() => globalThis.counts), []);
    await page.keyboard.press('Escape');
    await end();
  },

  async function what_happens_before_the_socket_is_open_is_seen_when_it_is(page) {
    const late = gate();
    await page.routeWebSocket(/\/live$/, async (socket) => { await late.opened; socket.connectToServer(); });
    await page.goto(`${address}/console/r/inventory.stock`);
    await records(page, made);
    await unread(page, 0).waitFor();
    await concern(page);
    await make();
    await api('POST', '/api/v1/plugins', { path: input.slow });
    late.open();
    await records(page, made);
    await unread(page, 1).waitFor();
    await page.getByRole('navigation', { name: 'Menu' }).getByRole('link', { name: 'Slow' }).waitFor();
  },

  async function a_module_hears_of_plugins_that_came_after_it_and_is_ended_though_it_left_before_it_had_begun(page) {
    await page.goto(`${address}/console/p/slow/all`);
    await page.waitForFunction(() => globalThis.release !== undefined);

    // Before it leaves, it hears of what a plugin has that was not there when it asked.
    await api('POST', '/api/v1/plugins', { path: input.later });
    for (const end = Date.now() + 30_000; !(await page.evaluate(() => globalThis.hasHeard === true)); await api('POST', '/api/custom/later/things', { name: 'one' })) assert.ok(Date.now() < end, 'it hears nothing');

    await menu(page, 'Plugins');
    await headed(page, 'Plugins');
    await page.evaluate(() => globalThis.release());
    await page.waitForFunction(() => globalThis.hasEnded === true);
  },
];

await walk(async (browser) => {
  await make();
  const { page, whole } = await person(browser, { serviceWorkers: 'block', expected: ['Service Worker registration blocked', `${stock}/`] });
  const told = [];
  page.on('websocket', (socket) => socket.on('framereceived', ({ payload }) => told.push(String(payload))));
  await signIn(page);
  await page.goto(`${address}/console/explorer`);
  await unread(page, 1).waitFor();
  for (const claim of claims) await claim(page, told);
  whole();
});
