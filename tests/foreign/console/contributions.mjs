// What plugins bring of their own: a widget, a declared page, a script module and a frame; seen by who may, swapped in place with what was typed, and broken in their own place only.
import { address, api, assert, input, person, shot, signIn, violations, walk } from './browser.mjs';

const variants = [
  { name: '1440-light', viewport: { width: 1440, height: 900 }, colorScheme: 'light' },
  { name: '768-dark-de', viewport: { width: 768, height: 1024 }, colorScheme: 'dark', locale: 'de-DE' },
  { name: '360-light', viewport: { width: 360, height: 740 }, colorScheme: 'light' },
];

await walk(async (browser) => {
  const { page, whole } = await person(browser, { expected: ['/api/ui/board/notes', '/api/custom/broken/nowhere'] });
  await signIn(page);
  const menu = (name) => page.getByRole('navigation', { name: 'Menu' }).getByRole('link', { name, exact: true });

  // The widget counts, live.
  const widget = page.getByRole('region', { name: 'Notes', exact: true });
  await widget.locator('[data-metric]').getByText('0', { exact: true }).waitFor();
  await api('POST', '/api/ui/board/notes', { text: 'Buy paint' });
  await widget.locator('[data-metric]').getByText('1', { exact: true }).waitFor();
  assert.deepEqual(await violations(page), []);

  // A declared page: the form of the resource's declaration, rows that follow, a chart with its numbers.
  await menu('Overview').click();
  await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
  await page.getByRole('button', { name: 'Pin it' }).click();
  await page.getByText('must have').or(page.getByText('required')).first().waitFor();
  await page.getByRole('textbox', { name: 'Text' }).fill('Mix the green');
  await page.getByRole('button', { name: 'Pin it' }).click();
  await page.getByRole('cell', { name: 'Mix the green' }).waitFor();
  await page.getByRole('img', { name: 'Notes by stage' }).waitFor();
  assert.deepEqual(await violations(page), []);
  // What was taken is not in the form any more; the row may be told before the answer is there.
  await page.waitForFunction(() => document.querySelector('main form [data-pointer="/text"]')?.value === '');

  // The module works with the console's own React; what it does is in the database.
  await menu('Wall').click();
  await page.getByRole('button', { name: 'Move on: Buy paint' }).click();
  await page.getByRole('region', { name: 'Begun' }).getByText('Buy paint').waitFor();
  assert.deepEqual((await api('GET', '/api/ui/board/notes?q=paint')).map((note) => note.stage), ['Begun']);
  await page.getByRole('textbox', { name: 'New note' }).fill('Paint the fe');
  assert.deepEqual(await violations(page), []);
  await page.evaluate(() => { window.sameDocument = true; });

  // Its plugin is swapped for a version whose module is another: it stands in the same place, with what was typed.
  await api('POST', '/api/v1/plugins/board/update', { path: input.next });
  await page.getByRole('button', { name: 'Pin it now' }).waitFor();
  assert.equal(await page.getByRole('textbox', { name: 'New note' }).inputValue(), 'Paint the fe');
  assert.equal(await page.evaluate(() => window.sameDocument), true);
  await page.getByRole('textbox', { name: 'New note' }).fill('Paint the fence');
  await page.getByRole('button', { name: 'Pin it now' }).click();
  await page.getByRole('region', { name: 'Open' }).getByText('Paint the fence').waitFor();

  // The frame has no origin, storage or network; it reaches the plugin's own addresses and nothing else, through the console.
  await menu('Sketch').click();
  const pad = page.frameLocator('iframe[title="Sketch pad"]');
  await pad.locator('html[data-ready]').waitFor({ state: 'attached' });
  const frame = page.frames().find((one) => one.url().includes('sketch.html'));
  assert.equal(await frame.evaluate(() => self.origin), 'null');
  assert.match(await frame.evaluate(() => { try { return localStorage.length; } catch (error) { return error.name; } }), /SecurityError/);
  await pad.getByRole('button', { name: 'Pin as a note' }).click();
  await pad.getByRole('status').getByText('A sketch of 0 strokes').waitFor();
  const refused = await frame.evaluate(() => Promise.all(['../../v1/users', '/../../v1/users', String.raw`..\..\v1\users`].map((path) => ask({ type: 'send', path }).then(() => 'answered', (error) => error.message))).catch((error) => error.message));
  for (const said of refused) assert.match(said, /A frame reaches addresses below \/api\/ui\/board/);
  await pad.locator('#pad').click({ position: { x: 50, y: 50 } });
  await menu('Overview').click();
  await menu('Sketch').click();
  await pad.locator('html[data-ready]').waitFor({ state: 'attached' });
  await pad.getByRole('button', { name: 'Pin as a note' }).click();
  await pad.getByRole('status').getByText('A sketch of 1 strokes').waitFor();

  // What breaks says so in its own place; what stands beside it stands.
  await api('POST', '/api/v1/plugins', { path: input.broken });
  await menu('Broken').click();
  await page.getByText('the wheel came off').waitFor();
  await page.getByText('There is no route', { exact: false }).or(page.getByText('ROUTE_NOT_FOUND', { exact: false })).first().waitFor();
  await page.getByText('What stands beside it').waitFor();
  assert.deepEqual(await violations(page), []);
  await shot(page, 'contributed-broken');
  await api('DELETE', '/api/v1/plugins/broken');
  await page.getByText('There is no such page').waitFor();

  // Every type of component is on one page, drawn; other colours are other colours.
  await menu('Components').click();
  await page.getByRole('heading', { level: 1, name: 'Components' }).waitFor();
  const { types } = await api('GET', '/components');
  await page.locator('[data-component]').nth(types.length - 1).waitFor();
  assert.deepEqual((await page.locator('[data-component]').evaluateAll((all) => all.map((one) => one.dataset.component))).sort(), types.map((type) => type.name).sort());
  assert.equal(await page.getByText('This console does not know').count(), 0);
  for (const role of ['img', 'table', 'progressbar', 'radiogroup', 'tablist', 'checkbox', 'alert']) await page.locator('[data-example]').getByRole(role).first().waitFor({ state: 'attached' });
  const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await paper();
  assert.deepEqual(await violations(page), []);
  await page.getByText('Dark', { exact: true }).click();
  await page.waitForFunction((before) => getComputedStyle(document.body).backgroundColor !== before, light);
  assert.deepEqual(await violations(page), []);
  await page.getByText('Light', { exact: true }).click();

  // Who may not read notes sees nothing of them.
  await api('POST', '/api/v1/roles', { name: 'guest', permissions: ['core.identity:use'] });
  await api('POST', '/api/v1/users', { username: 'gerda', password: input.password, email: 'gerda@example.org', displayName: 'Gerda', roles: ['guest'] });
  const guest = await person(browser, { expected: ['/api/v1/auth'] });
  await signIn(guest.page, 'gerda');
  if (await guest.page.locator('input[name="new-password"]').count()) assert.fail('the password is to be changed first');
  await guest.page.getByRole('heading', { level: 1, name: 'Home' }).waitFor();
  await guest.page.waitForFunction(() => !document.querySelector('[aria-busy="true"]'));
  assert.deepEqual(await guest.page.locator('nav a').evaluateAll((all) => all.map((a) => a.textContent)), ['Home', 'API keys', 'My account', 'API explorer']);
  assert.equal(await guest.page.getByRole('region', { name: 'Notes', exact: true }).count(), 0);
  await guest.page.goto(`${address}/console/p/board/overview`);
  await guest.page.getByText('There is no such page').waitFor();

  for (const { name, ...variant } of variants) {
    const look = await person(browser, variant);
    await look.page.goto(`${address}/console/`);
    await look.page.locator('input[name=username]').fill('admin');
    await look.page.locator('input[name=password]').fill(input.password);
    await look.page.locator('button[type=submit]').click();
    await look.page.locator('[data-metric]').first().waitFor();
    for (const path of ['', 'p/board/overview', 'p/board/wall', 'p/board/sketch', 'showcase']) {
      await look.page.goto(`${address}/console/${path}`);
      await look.page.getByRole('heading', { level: 1 }).waitFor();
      await look.page.waitForFunction(() => !document.querySelector('[aria-busy="true"]'));
      if (path.endsWith('overview')) await look.page.locator('svg.chart').first().waitFor();
      if (path.endsWith('wall')) await look.page.getByRole('article').first().waitFor();
      if (path.endsWith('sketch')) await look.page.frameLocator('iframe').locator('html[data-ready]').waitFor({ state: 'attached' });
      await shot(look.page, `contributed-${path.replaceAll('/', '_') || 'home'}-${name}`);
      assert.deepEqual((await violations(look.page)).map((v) => `${path} ${name}: ${v}`), []);
      assert.equal(await look.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth), 0, `${path} ${name} scrolls sideways`);
    }
    look.whole();
  }
  whole();
});
