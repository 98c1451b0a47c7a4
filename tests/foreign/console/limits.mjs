// Values at the ends of what a field may hold, and texts that no author thought of: each is shown as it is, and a form that shows it sends it back digit for digit.
import { readFileSync } from 'node:fs';
import { address, api, assert, input, person, signIn, violations, walk } from './browser.mjs';

await walk(async (browser) => {
  await api('POST', '/api/v1/plugins', { path: input.zoo });
  const beasts = '/api/custom/zoo/beasts';
  const text = async (method, path, body) => (await fetch(address + path, { method, headers: { authorization: `Bearer ${input.token}`, 'content-type': 'application/json' }, body })).text();
  const ada = await api('POST', '/api/custom/zoo/keepers', { name: 'Ada "the" <b>Keeper</b>' });
  const rich = JSON.parse(await text('POST', beasts, `{"name":"${'NoSpaces'.repeat(200)}","tame":false,"price":{"amount":"-12345678901234567890.12345678","currency":"EUR"},"weight":"999999.123456789012","serial":9223372036854775807,"speed":-1e-300,"born":"0001-01-01","seen":"9999-12-31T23:59:59Z","friends":["${ada.id}"],"numbers":[1],"home":{"street":"S","town":"T"},"names":{"de":"Löwe","a/b":"slash"},"extra":{"deep":{"one":1},"left":2}}`));
  const { context, page, whole } = await person(browser, { expected: [beasts, '/api/v1/plugins/zoo/config'] });
  await signIn(page);
  const main = page.getByRole('main');
  const button = (name) => main.getByRole('button', { name, exact: true });
  const list = `${address}/console/r/zoo.beasts`;
  const stored = () => text('GET', `${beasts}/${rich.id}`);
  const edit = async () => { await button('Edit').click(); await main.getByRole('form', { name: 'Save' }).waitFor(); };
  const save = async () => { await button('Save').click(); await button('Edit').waitFor(); };

  // What is stored is what is read: years before 100, the smallest numbers, the longest word; a reference by its name wherever it stands.
  await page.goto(`${list}/${rich.id}`);
  const fact = (label) => main.locator('dl > div').filter({ has: page.locator(`dt:text-is("${label}")`) }).locator('dd');
  await fact('Friends').getByRole('link', { name: 'Ada "the" <b>Keeper</b>' }).waitFor();
  const facts = {};
  for (const label of ['Born', 'Speed', 'Serial', 'Price', 'Weight']) facts[label] = await fact(label).innerText();
  assert.deepEqual(facts, { Born: '1 Jan 1', Speed: '-1E-300', Serial: '9,223,372,036,854,775,807', Price: '-€12,345,678,901,234,567,890.12345678', Weight: '999,999.123456789012 kg' });
  for (const width of [360, 1440]) {
    await page.setViewportSize({ width, height: 900 });
    // The menu takes a moment to go out of a narrow window.
    await page.waitForFunction(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth);
  }
  assert.deepEqual(await violations(page), []);

  // A form sends what was changed, digit for digit, and nothing else.
  await edit();
  assert.equal(await page.getByLabel('Speed').inputValue(), '-1e-300');
  await page.getByLabel('Serial').fill('9223372036854775806');
  await page.getByLabel('Speed').fill('1.05');
  await save();
  assert.match(await stored(), /"serial":9223372036854775806,"speed":1\.05,/);

  // What is taken out of a map or a JSON value is gone, not only out of sight.
  await edit();
  await main.getByRole('button', { name: 'Remove a/b' }).click();
  await page.getByLabel('Extra').fill('{ "deep": {} ');
  await button('Save').click();
  await main.getByText(/This is not JSON/).waitFor();
  assert.equal(await page.getByLabel('Extra').evaluate((one) => one === document.activeElement), true);
  await page.getByLabel('Extra').fill('{ "deep": { "two": 2 } }');
  assert.deepEqual(await violations(page), []);
  await save();
  let now = JSON.parse(await stored());
  assert.deepEqual([now.names, now.extra], [{ de: 'Löwe' }, { deep: { two: 2 } }]);

  // A new one: a switch that stands on "no" says no; the currency may come first; a list takes a row and says which one is wrong; a group that was left empty again is none.
  await page.goto(`${list}/new`);
  await page.getByLabel('Name').first().fill('Newcomer');
  await page.getByLabel('Currency').pressSequentially('usd');
  await page.getByLabel('Price').fill('5.5');
  await page.getByLabel('Street').fill('x');
  await page.getByLabel('Street').fill('');
  await main.getByRole('button', { name: 'Add: Numbers' }).click();
  await button('Create').click();
  await main.getByRole('alert').getByText('Numbers › 1').waitFor();
  assert.deepEqual(await violations(page), []);
  await main.getByRole('button', { name: 'Remove 1' }).click();
  await main.getByRole('combobox', { name: 'Asleep' }).click();
  await page.getByRole('option', { name: 'No', exact: true }).click();
  await button('Create').click();
  await page.getByRole('heading', { level: 1, name: 'Newcomer' }).waitFor();
  now = (await api('GET', `${beasts}?q=Newcomer`))[0];
  assert.deepEqual([now.tame, now.asleep, now.price, now.home], [false, false, { amount: '5.5', currency: 'USD' }, null]);

  // An address that says nonsense says so, and the way out is there; columns that are gone leave those that everybody sees.
  for (const [query, pill] of [['filter[born][$gte]=never', 'Born ≥ never'], ['filter[price][$gte]=5', 'Price ≥ 5'], ['filter[serial][$in]=1,2', 'Serial ∈ 1, 2'], ['filter[price][$gte]=5 EUR', 'Price ≥ €5.00']]) {
    await page.goto(`${list}?${query}`);
    await main.getByText(pill).waitFor();
    await main.getByRole('heading', { level: 1 }).waitFor();
  }
  await page.goto(`${list}?columns=gone`);
  await main.getByRole('columnheader', { name: 'Name' }).waitFor();

  // All of a list is exported, not its first thousand; JSON with every digit.
  await Promise.all([0, 1, 2].map((part) => api('POST', `${beasts}/batch`, Array.from({ length: 400 }, (_, n) => ({ name: `Bird ${part} ${n}`, tame: true })))));
  for (const [form, count] of [['JSON', (all) => JSON.parse(all).length], ['CSV', (all) => all.trim().split('\r\n').length - 1]]) {
    await page.getByRole('button', { name: 'Export' }).click();
    const saving = page.waitForEvent('download');
    await page.getByRole('menuitem', { name: form }).click();
    const all = readFileSync(await (await saving).path(), 'utf8');
    assert.equal(count(all), 1202, form);
    if (form === 'JSON') assert.match(all, /"serial":9223372036854775806/);
  }

  // In German a number is typed as it is read.
  const { page: german, whole: wholeGerman } = await person(browser, { locale: 'de-DE', storageState: await context.storageState() });
  await german.goto(`${list}/${rich.id}`);
  await german.getByRole('button', { name: 'Bearbeiten' }).click();
  assert.equal(await german.getByLabel('Weight').inputValue(), '999999,123456789012');
  await german.getByLabel('Weight').fill('1.234,5');
  await german.getByLabel('Price').fill('');
  await german.getByLabel('Price').pressSequentially('0,05');
  await german.getByRole('button', { name: 'Speichern' }).click();
  await german.getByRole('button', { name: 'Bearbeiten' }).waitFor();
  now = JSON.parse(await stored());
  assert.deepEqual([Number(now.weight), now.price], [1234.5, { amount: '0.05', currency: 'EUR' }]);
  wholeGerman();

  // Settings of any depth: references, lists, maps and lists of objects, each sent as its schema has it; what has a default need not be set to set another.
  const settings = async () => (await api('GET', '/api/v1/plugins/zoo/config')).values;
  await page.goto(`${address}/console/plugins/zoo`);
  await page.getByRole('tab', { name: 'Configuration' }).click();
  const form = page.getByRole('form', { name: 'Configuration' });
  const keep = async () => {
    const stored = page.waitForResponse((answer) => answer.request().method() === 'PUT');
    await form.getByRole('button', { name: 'Save' }).click();
    assert.equal((await stored).status(), 200);
    await page.waitForFunction(() => document.querySelector('main form button[type="submit"]')?.disabled === true && !document.querySelector('main form button[data-loading]'));
  };
  await form.getByLabel('Opens at').fill('09:30');
  await form.getByLabel('Limit').fill('7');
  await form.getByRole('combobox', { name: 'Level' }).click();
  await page.getByRole('option', { name: '5' }).click();
  await form.getByLabel('Ports').fill('80');
  await page.keyboard.press('Enter');
  await form.getByLabel('Labels').fill('{ "a.b": "one", "c": "two" }');
  await form.getByLabel('Servers').fill('[{ "host": "x", "port": 1, "token": "hidden away" }, { "port": 2 }]');
  await form.getByLabel('Key').fill('eight letters');
  await form.getByRole('button', { name: 'Save' }).click();
  await form.getByText(/'host' is missing/).waitFor();
  assert.equal(await form.getByLabel('Servers').getAttribute('aria-invalid'), 'true');
  await form.getByLabel('Servers').fill('[{ "host": "x", "port": 1, "token": "hidden away" }]');
  await keep();
  assert.deepEqual(await violations(page), []);
  assert.deepEqual(await settings(), { city: 'Bonn', 'hours.from': '09:30', limit: '7', level: '5', 'ports.0': '80', 'labels.a.b': 'one', 'labels.c': 'two', 'servers.0.host': 'x', 'servers.0.port': '1', 'servers.0.token': '***hidden***', key: '***hidden***', export: '5', port: '5' });
  assert.deepEqual(JSON.parse(await form.getByLabel('Servers').inputValue()), [{ host: 'x', port: 1 }]);
  // An error is at its own setting, not at one whose name ends alike; a secret that was typed and taken back is the stored one.
  await form.getByLabel('Key').fill('x');
  await form.getByLabel('Key').fill('');
  await form.getByLabel('Labels').fill('{ "a.b": "one" }');
  await keep();
  assert.deepEqual([(await settings()).key, (await settings())['labels.c']], ['***hidden***', undefined]);

  // A session that ends while somebody types: they sign in again, and what they typed is there; who signs in instead does not find it.
  await api('POST', '/api/v1/users', { username: 'otto', password: input.password, email: 'otto@example.org', displayName: 'Otto', roles: ['admin'], mustChangePassword: false });
  const { page: typist, faults } = await person(browser);
  const typed = () => typist.getByRole('form', { name: 'Create' }).getByLabel('Name').first();
  const signInAgain = async (username) => {
    await typist.getByLabel('User name or e-mail').fill(username);
    await typist.locator('input[name=password]').fill(input.password);
    await typist.getByRole('button', { name: 'Sign in', exact: true }).click();
    await typed().waitFor();
  };
  const end = () => typist.evaluate(() => fetch('/api/v1/auth/logout', { method: 'POST', headers: { 'x-csrf-token': localStorage.getItem('nexus.csrf') } }).then((answer) => answer.status));
  await signIn(typist);
  await typist.goto(`${list}/new`);
  await typed().fill('Half a name');
  assert.equal(await end(), 204);
  await typist.getByRole('button', { name: 'Create', exact: true }).click();
  await signInAgain('admin');
  assert.equal(await typed().inputValue(), 'Half a name');
  await end();
  await typist.getByRole('button', { name: 'Create', exact: true }).click();
  await signInAgain('otto');
  assert.equal(await typed().inputValue(), '');
  assert.deepEqual(faults.filter((fault) => !fault.includes('401')), []);

  // A password that is refused is refused in words, at its input.
  await api('POST', '/api/v1/users', { username: 'nora', password: input.password, email: 'nora@example.org', displayName: 'Nora', roles: ['user'], mustChangePassword: true });
  const { page: nora } = await person(browser, { expected: ['/api/v1/auth/password/change'] });
  await nora.goto(`${address}/console/`);
  await nora.getByLabel('User name or e-mail').fill('nora');
  await nora.locator('input[name=password]').fill(input.password);
  await nora.getByRole('button', { name: 'Sign in', exact: true }).click();
  await nora.locator('input[name=new-password]').fill('short');
  await nora.getByRole('button', { name: 'Save' }).click();
  await nora.getByText('At least 8 characters. At least 3 of: small letters').waitFor();
  assert.doesNotMatch(await nora.getByRole('main').innerText(), /\*\*\*|new_password/);
  whole();
});
