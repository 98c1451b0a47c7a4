// Every page, of an administrator and of somebody who may read orders only, in four variants and two languages: no complaint of the browser, no violation of accessibility, a picture of each for a person to look at.
import { address, api, assert, input, person, shot, violations, walk } from './browser.mjs';

const variants = [
  { name: '1440-light', viewport: { width: 1440, height: 900 }, colorScheme: 'light' },
  { name: '1440-dark', viewport: { width: 1440, height: 900 }, colorScheme: 'dark', locale: 'de-DE' },
  { name: '768-light', viewport: { width: 768, height: 1024 }, colorScheme: 'light' },
  { name: '360-dark', viewport: { width: 360, height: 740 }, colorScheme: 'dark', locale: 'de-DE' },
];

// The engine changes no look: on PostgreSQL the widest and the narrowest are enough.
const looked = input.shots.endsWith('postgresql') ? [variants[0], variants[3]] : variants;

await walk(async (browser) => {
  const order = await api('POST', '/api/business/orders/orders', { customer: 'Grace Hopper', sku: 'G-1', quantity: 5, total: { amount: '19.90', currency: 'EUR' } });
  await api('POST', '/api/v1/roles', { name: 'reader', permissions: ['core.identity:use', 'orders.orders:read:all'] });
  await api('POST', '/api/v1/users', { username: 'rita', password: input.password, email: 'rita@example.org', displayName: 'Rita', roles: ['reader'], mustChangePassword: false });
  const found = [];
  const counts = [];
  for (const [user, more, least] of [['admin', ['/console/r/orders.orders/new', '/console/plugins/orders', '/console/plugins?look=graph'], 15], ['rita', [], 4]]) {
    let paths = null;
    for (const { name, ...variant } of looked) {
      const { page, whole } = await person(browser, variant);
      const look = async (title) => {
        await shot(page, `${user}/${title}-${name}`);
        found.push(...(await violations(page)).map((v) => `${title} ${user} ${name}: ${v}`));
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        if (wide > 0) found.push(`${title} ${user} ${name}: scrolls sideways by ${wide} px`);
      };
      await page.goto(`${address}/console/`);
      await page.locator('input[name=username]').waitFor();
      if (user === 'admin') await look('sign-in');
      await page.locator('input[name=username]').fill(user);
      await page.locator('input[name=password]').fill(input.password);
      await page.locator('button[type=submit]').click();
      await page.locator('nav a[href$="/r/orders.orders"]').waitFor({ state: 'attached' });
      paths ??= [...new Set(await page.locator('nav a').evaluateAll((links) => links.map((a) => new URL(a.href).pathname)))];
      for (const path of [...paths, ...more, `/console/r/orders.orders/${order.id}`, '/console/nowhere']) {
        await page.goto(address + path);
        await page.locator('main h1, main [data-empty]').first().waitFor();
        await page.waitForFunction(() => !document.querySelector('[aria-busy="true"]'));
        await look(path.replace('/console/', '').replaceAll(/[/?=]/g, '_').replace(order.id, 'one') || 'home');
      }
      whole();
      await page.context().close();
    }
    counts.push(`${user}: ${paths.length} pages`);
    if (paths.length < least) found.push(`${user} sees ${paths.join(' ')}`);
  }
  console.log(counts.join(', '));
  assert.deepEqual(found, []);
});
