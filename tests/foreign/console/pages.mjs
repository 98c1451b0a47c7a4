// Every page of an administrator, in four variants: no complaint of the browser, no violation of accessibility, a picture of each for a person to look at.
import { address, api, assert, input, person, shot, signIn, violations, walk } from './browser.mjs';

const variants = [
  { name: '1440-light', viewport: { width: 1440, height: 900 }, colorScheme: 'light' },
  { name: '1440-dark', viewport: { width: 1440, height: 900 }, colorScheme: 'dark' },
  { name: '768-light', viewport: { width: 768, height: 1024 }, colorScheme: 'light' },
  { name: '360-dark', viewport: { width: 360, height: 740 }, colorScheme: 'dark' },
];

await walk(async (browser) => {
  const order = await api('POST', '/api/business/orders/orders', { customer: 'Grace Hopper', sku: 'G-1', quantity: 5, total: { amount: '19.90', currency: 'EUR' } });
  let paths = null;
  const found = [];
  for (const { name, ...variant } of variants) {
    const { page, whole } = await person(browser, variant);
    await page.goto(`${address}/console/`);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await shot(page, `sign-in-${name}`);
    found.push(...(await violations(page)).map((v) => `sign-in ${name}: ${v}`));
    await page.getByLabel('User name or e-mail').fill('admin');
    await page.locator('input[name=password]').fill(input.password);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.getByRole('heading', { level: 1, name: 'Home' }).waitFor();
    await page.getByRole('navigation').getByRole('link', { name: 'Orders' }).waitFor({ state: 'attached' });
    paths ??= [...new Set(await page.locator('nav a').evaluateAll((links) => links.map((a) => new URL(a.href).pathname)))];
    for (const path of [...paths, '/console/r/orders.orders/new', `/console/r/orders.orders/${order.id}`, '/console/nowhere']) {
      await page.goto(address + path);
      await page.locator('main h1, main [data-empty]').first().waitFor();
      await page.waitForFunction(() => !document.querySelector('[aria-busy="true"]'));
      await shot(page, `${path.replace('/console/', '').replaceAll('/', '_').replace(order.id, 'one') || 'home'}-${name}`);
      found.push(...(await violations(page)).map((v) => `${path} ${name}: ${v}`));
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      if (wide > 0) found.push(`${path} ${name}: scrolls sideways by ${wide} px`);
    }
    whole();
    await page.context().close();
  }
  console.log(`${paths.length} pages`);
  assert.deepEqual(found, []);
  assert.ok(paths.length >= 7, paths.join(' '));
});
