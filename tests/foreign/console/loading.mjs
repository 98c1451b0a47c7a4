// What goes over the wire: a page's script only when it is visited and within the budget, and nothing of the build twice, with the browser's own cache and with the worker.
import { address, assert, person, signIn, until, walk } from './browser.mjs';

const budget = { first: 200_000, page: 60_000 };

/** Keeps what came for files of the build, as the browser itself counts it. */
async function wire(context, page) {
  const devtools = await context.newCDPSession(page);
  await devtools.send('Network.enable');
  const files = new Map();
  devtools.on('Network.responseReceived', ({ requestId, response }) => {
    const { pathname } = new URL(response.url);
    if (pathname.startsWith('/console/assets/')) files.set(requestId, { name: pathname.split('/').at(-1), status: response.status, kept: response.fromDiskCache || response.fromServiceWorker, bytes: null });
  });
  devtools.on('Network.requestServedFromCache', ({ requestId }) => { const file = files.get(requestId); if (file) file.kept = true; });
  devtools.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => { const file = files.get(requestId); if (file) file.bytes = encodedDataLength; });
  return async () => {
    await page.waitForLoadState('networkidle');
    for (const end = Date.now() + 30_000; [...files.values()].some((file) => file.bytes === null);) {
      assert.ok(Date.now() < end, `never ended: ${JSON.stringify([...files.values()])}`);
      await page.waitForTimeout(50);
    }
    const taken = [...files.values()];
    files.clear();
    return taken;
  };
}

const scripts = (files) => files.filter((file) => file.name.endsWith('.js'));
const sum = (files) => scripts(files).reduce((bytes, file) => bytes + file.bytes, 0);
const has = (files, name) => files.some((file) => file.name.startsWith(`${name}-`));
const opened = async (page) => {
  await page.getByRole('navigation', { name: 'Menu' }).waitFor();
  await page.getByRole('main').getByRole('heading', { level: 1 }).waitFor();
  await page.waitForFunction(() => !document.querySelector('[aria-busy="true"]'));
};

await walk(async (browser) => {
  const { page, context, whole } = await person(browser, { serviceWorkers: 'block', expected: ['Service Worker registration blocked'] });
  const taken = await wire(context, page);
  await signIn(page);
  await opened(page);
  const first = await taken();
  assert.ok(scripts(first).length > 0 && first.every((file) => file.status === 200), JSON.stringify(first));
  assert.ok(sum(first) <= budget.first, `the first visit fetched ${sum(first)} bytes: ${JSON.stringify(scripts(first))}`);
  for (const name of ['ListPage', 'DetailPage', 'Plugins', 'Tasks', 'Events', 'Chart']) assert.ok(!has(first, name), `${name} came before anybody went there`);

  // Each page brings its own script, when it is visited and not before; a second visit brings none.
  const own = { Plugins: 'Plugins', Events: 'Events', Tasks: 'Tasks', Orders: 'ListPage', Users: 'Users', Roles: 'Roles', Health: 'Health' };
  const menu = page.getByRole('navigation', { name: 'Menu' });
  for (const [label, chunk] of Object.entries(own)) {
    await menu.getByRole('link', { name: label, exact: true }).click();
    await opened(page);
    const fetched = await taken();
    assert.ok(has(fetched, chunk), `${label} is shown without ${chunk}: ${JSON.stringify(fetched)}`);
    for (const other of Object.values(own).filter((name) => name !== chunk)) assert.ok(!has(fetched, other), `${label} fetched ${other}`);
    assert.ok(sum(fetched) <= budget.page, `${label} fetched ${sum(fetched)} bytes: ${JSON.stringify(scripts(fetched))}`);
  }
  await menu.getByRole('link', { name: 'Plugins', exact: true }).click();
  await opened(page);
  assert.deepEqual(await taken(), []);

  // A second visit, in a new tab of the same browser: all files of the build are there already.
  const again = await context.newPage();
  const takenAgain = await wire(context, again);
  await again.goto(`${address}/console/plugins`);
  await opened(again);
  const second = await takenAgain();
  assert.ok(has(second, 'index') && has(second, 'Plugins'), JSON.stringify(second));
  assert.deepEqual(second.filter((file) => !file.kept || file.bytes > 0), [], 'asked for again, though its name changes with its content');
  const weights = await again.evaluate(() => performance.getEntriesByType('resource').filter((one) => one.name.includes('/console/assets/')).map((one) => one.transferSize));
  assert.ok(weights.length >= second.length && weights.every((bytes) => bytes === 0), JSON.stringify(weights));
  whole();

  // With the worker, which answers them itself.
  const other = await person(browser);
  await signIn(other.page);
  await opened(other.page);
  await until(other.page, async () => (await navigator.serviceWorker.ready).active?.state === 'activated' && navigator.serviceWorker.controller !== null);
  const worked = await wire(other.context, other.page);
  for (const path of ['plugins', 'plugins']) {
    await worked();
    await other.page.goto(`${address}/console/${path}`);
    await opened(other.page);
  }
  const third = await worked();
  assert.ok(has(third, 'index') && has(third, 'Plugins'), JSON.stringify(third));
  assert.deepEqual(third.filter((file) => !file.kept || file.bytes > 0), [], 'the worker did not keep it');
  other.whole();
});
