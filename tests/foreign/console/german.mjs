// The second language, switched in the page: headings, buttons, labels and what assistive technology reads have no word of the first that has one of its own, and numbers, money and times have its form.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { address, api, assert, input, person, signIn, walk } from './browser.mjs';

/** The words of a language, from their source. */
async function wordsOf(language) {
  const { transformWithOxc } = await import(pathToFileURL(join(input.app, 'node_modules/vite/dist/node/index.js')).href);
  const file = join(input.app, 'src/words', `${language}.ts`);
  const { code } = await transformWithOxc(readFileSync(file, 'utf8'), file);
  return (await import(`data:text/javascript,${encodeURIComponent(code)}`))[language];
}

// What the samples declare, or show as an example, in their own language.
const declared = new Set(['Total', 'Cancel', 'May']);
const marks = ['§1§', '§2§', '§3§', '§4§'];

/** Every text of them, with its name; of those that are made, the pieces between what is put in. */
function texts(words, path = '') {
  return Object.entries(words).flatMap(([name, value]) => {
    if (typeof value === 'string') return [[`${path}${name}`, value, true]];
    if (typeof value === 'object') return texts(value, `${path}${name}.`);
    return [1, 2].flatMap((count) => {
      try { return String(value(...marks.map((mark, at) => (at === 0 && /count/.test(value.toString().split('=>')[0]) ? count : mark)))).split(/§\d§|[0-9]+/).map((piece) => piece.trim()).filter((piece) => piece.length >= 8).map((piece) => [`${path}${name}`, piece, false]); } catch { return []; }
    });
  });
}

await walk(async (browser) => {
  const [en, de] = [texts(await wordsOf('en')), texts(await wordsOf('de'))];
  const german = new Set(de.map(([, text]) => text));
  const whole = new Map(en.filter(([, text, isWhole]) => isWhole && !german.has(text)).map(([name, text]) => [text, name]));
  const pieces = en.filter(([, text, isWhole]) => !isWhole && !german.has(text)).map(([name, text]) => [text, name]);
  assert.ok(whole.size > 300, `only ${whole.size} words differ`);

  const order = await api('POST', '/api/business/orders/orders', { customer: 'Grete Hermann', sku: 'G-1', quantity: 5000, total: { amount: '1234567.89', currency: 'EUR' } });
  await api('PATCH', `/api/business/orders/orders/${order.id}`, { quantity: 6000 });
  await api('POST', '/api/v1/users', { username: 'rita', password: input.password, email: 'rita@example.org', displayName: 'Rita', roles: ['user'] });
  const { page, whole: quiet } = await person(browser);
  await signIn(page);
  // From the menu, as a person does.
  await page.getByRole('button', { name: 'My account' }).click();
  await page.getByRole('menuitem', { name: 'Deutsch' }).click();
  await page.waitForFunction(() => document.documentElement.lang === 'de');
  await page.keyboard.press('Escape');

  const found = [];
  const look = async (title) => {
    const said = await page.evaluate(() => {
      const taken = [];
      const take = (kind, text) => { for (const line of (text ?? '').split('\n')) if (line.trim()) taken.push([kind, line.trim()]); };
      for (const element of document.querySelectorAll('nav a, h1, h2, h3, button, label, th, legend, dt, [role=tab], [role=status], [role=alert], [data-empty], figcaption, caption, main p')) take(element.tagName.toLowerCase(), element.innerText ?? element.textContent);
      for (const element of document.querySelectorAll('[aria-label], [title], [placeholder]')) for (const name of ['aria-label', 'title', 'placeholder']) take(name, element.getAttribute(name));
      for (const element of document.querySelectorAll('.mantine-Badge-label')) take('badge', element.innerText);
      return { taken, all: document.body.innerText };
    });
    for (const [kind, text] of said.taken) {
      if (declared.has(text)) continue;
      const name = whole.get(text) ?? [...whole].find(([word]) => word.toLowerCase() === text.toLowerCase() && kind === 'badge')?.[1] ?? pieces.find(([piece]) => text.includes(piece))?.[1];
      if (name) found.push(`${title}: ${kind} "${text}" (${name})`);
    }
    // Times with AM and PM, days by slashes, months by their English names, decimals by a dot after thousands by commas.
    for (const form of [/\b\d{1,2}:\d{2}(?::\d{2})? [AP]M\b/i, /\b\d{1,2}\/\d{1,2}\/\d{4}\b/, /\b(?:January|February|March|May|June|July|October|December|Oct|Dec) \d{1,2}\b/, /\b\d{1,2} (?:January|February|March|May|June|July|October|December|Oct|Dec) \d{4}\b/, /\b\d{1,3},\d{3}\.\d+\b/, /[€$£]\d/, /\b\d+ (?:seconds?|minutes?|hours?|days?) ago\b/]) {
      const wrong = form.exec(said.all);
      if (wrong) found.push(`${title}: "${said.all.slice(Math.max(0, wrong.index - 30), wrong.index + 40).replaceAll('\n', ' ')}" has the form of the other language`);
    }
  };
  const open = async (path) => {
    await page.goto(address + path);
    await page.locator('main h1, main [data-empty]').first().waitFor();
    await page.waitForFunction(() => !document.querySelector('[aria-busy="true"]'));
  };
  const paths = [...new Set(await page.locator('nav a').evaluateAll((links) => links.map((a) => new URL(a.href).pathname)))];
  assert.ok(paths.length >= 15, paths.join(' '));
  for (const path of [...paths, '/console/r/orders.orders/new', `/console/r/orders.orders/${order.id}`, '/console/plugins/orders', '/console/plugins?look=graph', '/console/nowhere']) {
    await open(path);
    await look(path.replace('/console', '') || '/');
    // What is behind the first tab is looked at as well.
    for (const tab of (await page.getByRole('main').getByRole('tab').all()).slice(1)) {
      const name = await tab.innerText();
      await tab.click();
      await page.waitForFunction(() => !document.querySelector('[aria-busy="true"]'));
      await look(`${path.replace('/console', '')} ${name}`);
    }
  }

  // Numbers, money and times.
  await open(`/console/r/orders.orders/${order.id}`);
  await page.getByText(/^1\.234\.567,89\s€$/).waitFor();
  await page.getByText('6.000', { exact: true }).waitFor();
  const times = await page.getByRole('main').locator('table').innerText();
  assert.match(times, /\d{1,2}\.\s?(?:\d{1,2}\.|[A-ZÄ][a-zä]+\.?)\s?\d{4},?\s+\d{2}:\d{2}/);

  // What opens over the page.
  await page.getByRole('button', { name: 'Löschen' }).click();
  await page.getByRole('dialog').waitFor();
  await look('delete');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Mitteilungen' }).or(page.getByRole('button', { name: /neue Mitteilung/ })).click();
  await page.getByRole('region', { name: 'Mitteilungen' }).waitFor();
  await look('bell');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Control+k');
  await page.getByRole('textbox', { name: 'Seiten, Datensätze, Aktionen …' }).waitFor();
  await look('palette');
  assert.deepEqual([...new Set(found)], []);
  quiet();
});
