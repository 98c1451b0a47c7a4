// The server is killed: pages that were visited open with what was read then, a page that was not says so, and nobody takes a change for done.
import { address, api, assert, input, person, signIn, until, walk } from './browser.mjs';

await walk(async (browser) => {
  await api('POST', '/api/business/orders/orders', { customer: 'Edsger Dijkstra', sku: 'D-1', quantity: 1 });
  const { page, context } = await person(browser);
  await signIn(page);
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null || navigator.serviceWorker.ready.then(() => true));
  await page.reload();
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
  for (const path of ['/', '/r/orders.orders', '/plugins']) {
    await page.goto(`${address}/console${path}`);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await page.waitForFunction(() => !document.querySelector('[aria-busy="true"]'));
  }
  await page.goto(`${address}/console/r/orders.orders`);
  await page.getByText('Edsger Dijkstra').click();
  await page.getByRole('heading', { name: 'Edsger Dijkstra' }).waitFor();
  const record = page.url();

  process.kill(input.pid, 'SIGKILL');
  await until(page, async () => fetch('/health/live').then(() => false, () => true));
  await page.goto(`${address}/console/r/orders.orders`);
  await page.getByText('Edsger Dijkstra').waitFor();
  await page.getByRole('status').getByText('Offline').waitFor();
  await page.goto(record);
  await page.getByRole('heading', { name: 'Edsger Dijkstra' }).waitFor();
  await page.getByRole('button', { name: 'Pay' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Pay' }).click();
  await page.getByText('Nothing was changed').waitFor();
  await page.goto(`${address}/console/plugins`);
  await page.getByText('core.identity').waitFor();
  await page.goto(`${address}/console/r/inventory.stock`);
  await page.getByText('The server was not reached').waitFor();
  await context.close();
});
