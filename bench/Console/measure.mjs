// Measures the console in a browser, against a host that serves a list of many records; prints one JSON object.
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import lighthouse, { desktopConfig } from 'lighthouse';
import { chromium } from 'playwright-core';

const { address, executable, password, pid, records, rounds, words } = JSON.parse(process.argv[2]);
const list = `${address}/console/r/orders.orders`;
const args = ['--no-sandbox', '--disable-dev-shm-usage'];
const view = { width: 1440, height: 900 };
const told = (count) => `${count.toLocaleString('en-GB')} ${count === 1 ? 'record' : 'records'}`;

const port = await new Promise((resolve) => { const probe = createServer().listen(0, '127.0.0.1', () => { const free = probe.address().port; probe.close(() => resolve(free)); }); });
const folder = mkdtempSync(join(tmpdir(), 'nexus-bench-browser-'));
const context = await chromium.launchPersistentContext(folder, { executablePath: executable, args: [...args, `--remote-debugging-port=${port}`], viewport: view, locale: 'en-GB' });
try {
  const page = context.pages()[0];
  const result = { script: await scriptSizes(), scores: [await score('sign-in', '')] };
  const record = await signedIn(page);
  result.frames = await frames(page);
  result.search = await searches(page);
  result.filter = await filters(page);
  for (const [name, path] of [['home', ''], ['list', 'r/orders.orders'], ['record', `r/orders.orders/${record}`], ['plugins', 'plugins']]) result.scores.push(await score(name, path));
  result.offline = await offline(page);
  console.log(JSON.stringify(result));
} finally {
  await context.close();
  rmSync(folder, { recursive: true, force: true });
}

async function signedIn(page) {
  await page.goto(`${address}/console/`);
  await enter(page);
  const [record] = await page.evaluate(async () => (await fetch('/api/business/orders/orders?limit=1')).json());
  return record.id;
}

async function enter(page) {
  await page.getByLabel('User name or e-mail').fill('admin');
  await page.locator('input[name=password]').fill(password);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByRole('heading', { level: 1, name: 'Home' }).waitFor();
}

/** Bytes of script as they come over the wire: until home is shown to who comes for the first time, and what each page fetches on top. */
async function scriptSizes() {
  const browser = await chromium.launch({ executablePath: executable, args });
  try {
    const own = await browser.newContext({ viewport: view, locale: 'en-GB', serviceWorkers: 'block' });
    const page = await own.newPage();
    let fetched = [];
    page.on('requestfinished', (request) => { if (request.resourceType() === 'script') fetched.push(request.sizes().then(({ responseBodySize }) => ({ name: new URL(request.url()).pathname.split('/').at(-1), bytes: responseBodySize }))); });
    const taken = async () => { const files = await Promise.all(fetched); fetched = []; return files; };
    const sum = (files) => files.reduce((bytes, file) => bytes + file.bytes, 0);
    await page.goto(`${address}/console/`);
    await enter(page);
    await page.waitForLoadState('networkidle');
    const first = sum(await taken());
    const pages = [];
    for (const link of await page.getByRole('navigation', { name: 'Menu' }).getByRole('link').all()) {
      const name = await link.textContent();
      await link.click();
      await page.waitForLoadState('networkidle');
      pages.push({ name, bytes: sum((await taken()).filter((file) => !/chart/i.test(file.name))) });
    }
    await page.goto(list);
    await page.locator('tbody tr[data-index="0"] td').nth(1).click();
    await page.getByRole('tab').first().waitFor();
    await page.waitForLoadState('networkidle');
    return { first, pages: pages.sort((a, b) => b.bytes - a.bytes) };
  } finally {
    await browser.close();
  }
}

/** Frames a second while somebody turns the wheel, and while somebody drags the scrollbar from one end to the other; and how many of the frames had a row that was not there yet. */
async function frames(page) {
  await page.goto(list);
  await shown(page, records);
  await page.locator('tbody tr[data-index="20"]').waitFor({ state: 'attached' });
  const count = () => page.evaluate(() => {
    const watch = { times: [], waiting: 0, blank: 0, on: true };
    window.watch = watch;
    const box = document.querySelector('.rows');
    const frame = (now) => {
      watch.times.push(now);
      const { left, top, width, height } = box.getBoundingClientRect();
      const seen = [0.2, 0.5, 0.9].map((part) => document.elementFromPoint(left + width / 3, top + height * part)?.closest('tr[data-index]'));
      if (seen.some((row) => !row)) watch.blank++;
      else if (seen.some((row) => row.matches('[aria-busy]'))) watch.waiting++;
      if (watch.on) requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });
  const counted = () => page.evaluate(() => {
    const { watch } = window;
    watch.on = false;
    const gaps = watch.times.slice(1).map((time, n) => time - watch.times[n]).sort((a, b) => a - b);
    return { perSecond: (gaps.length * 1000) / (watch.times.at(-1) - watch.times[0]), p95: gaps[Math.floor(gaps.length * 0.95)], waiting: watch.waiting / watch.times.length, blank: watch.blank / watch.times.length, reached: document.querySelector('.rows').scrollTop };
  });
  const devtools = await page.context().newCDPSession(page);
  const box = await page.locator('.rows').boundingBox();
  await count();
  await devtools.send('Input.synthesizeScrollGesture', { x: box.x + 400, y: box.y + 200, yDistance: -20_000, speed: 4000, gestureSourceType: 'mouse' });
  const wheel = await counted();
  await page.evaluate(() => { document.querySelector('.rows').scrollTop = 0; });
  await count();
  await page.evaluate(() => new Promise((done) => {
    const box = document.querySelector('.rows');
    const [began, end, long] = [performance.now(), box.scrollHeight - box.clientHeight, 6000];
    const step = (now) => {
      box.scrollTop = Math.min(1, (now - began) / long) * end;
      if (now - began < long) requestAnimationFrame(step); else done();
    };
    requestAnimationFrame(step);
  }));
  const drag = await counted();
  await page.locator(`tr[data-index="${records - 1}"]:not([aria-busy])`).waitFor();
  return { wheel, drag };
}

/** From the last key to the records that were searched for, as the page sees it: one of all, a twentieth, and half of them. */
async function searches(page) {
  await page.goto(list);
  const box = page.getByRole('searchbox', { name: 'Search' });
  const took = { one: [], twentieth: [], half: [] };
  for (let round = 0; round < rounds; round++) {
    const wanted = { one: [String(10_000 + ((round * 7919) % (records - 10_000))), 1], twentieth: [words[round % 20], records / 20], half: [round % 2 ? 'odd' : 'even', records / 2] };
    for (const [kind, [text, count]] of Object.entries(wanted)) {
      await box.fill('');
      await shown(page, records);
      await arm(page, count, 'keydown');
      await box.pressSequentially(text);
      took[kind].push(await page.evaluate(() => window.took));
    }
  }
  return took;
}

async function shown(page, count) {
  await page.getByRole('status').getByText(told(count), { exact: true }).waitFor();
  await page.locator('tbody tr[data-index="0"]:not([aria-busy])').waitFor();
}

/** Looks from inside of the page, so that the way to this program is no part of the time: from the last event of that kind to the frame after the count and the rows are those that were asked for. */
function arm(page, count, kind) {
  return page.evaluate(({ text, kind }) => {
    window.took = new Promise((done) => {
      let began = 0;
      const begin = (event) => { began = event.timeStamp; };
      addEventListener(kind, begin, { capture: true });
      const look = () => {
        const isThere = began > 0 && [...document.querySelectorAll('[role=status]')].some((one) => one.textContent === text) && document.querySelector('tbody tr[data-index="0"]:not([aria-busy])');
        if (!isThere) return requestAnimationFrame(look);
        removeEventListener(kind, begin, { capture: true });
        return requestAnimationFrame(() => done(performance.now() - began));
      };
      look();
    });
  }, { text: told(count), kind });
}

/** The same for conditions: of a field with an index, and of one without. */
async function filters(page) {
  const took = { indexed: [], plain: [] };
  for (let round = 0; round < rounds; round++) {
    for (const [kind, field, operator, value, count] of [['indexed', 'Sku', 'is', `S-${round % 500}`, records / 500], ['plain', 'Quantity', 'at most', String(round + 1), (records / 1000) * (round + 1)]]) {
      await page.goto(list);
      await shown(page, records);
      await page.getByRole('button', { name: 'Filter', exact: true }).click();
      await page.getByRole('combobox', { name: 'Fields' }).click();
      await page.getByRole('option', { name: field, exact: true }).click();
      await page.getByRole('combobox', { name: 'Condition' }).click();
      await page.getByRole('option', { name: operator, exact: true }).click();
      await page.getByRole('textbox', { name: field }).fill(value);
      await arm(page, count, 'click');
      await page.getByRole('button', { name: 'Apply' }).click();
      took[kind].push(await page.evaluate(() => window.took));
    }
  }
  return took;
}

/** Scores from 0 to 100: of a desk's screen and line, and of a phone on a slow line whose processor is a quarter of this one's. */
async function score(name, path) {
  const found = { name };
  for (const [kind, config] of [['desk', desktopConfig], ['phone', undefined]]) {
    let lhr;
    // The browser's trace now and then lacks the navigation; then it is recorded again.
    for (let turn = 0; turn < 3 && (!lhr || lhr.runtimeError?.code === 'NO_NAVSTART'); turn++)
      ({ lhr } = await lighthouse(`${address}/console/${path}`, { port, logLevel: 'error', output: 'json', onlyCategories: ['performance', 'accessibility', 'best-practices'] }, config));
    if (lhr.runtimeError) throw new Error(`${name}: ${lhr.runtimeError.message}`);
    found[kind] = Object.fromEntries(Object.entries(lhr.categories).map(([id, category]) => [id, Math.round(category.score * 100)]));
    found[kind].short = Object.values(lhr.audits).filter((audit) => audit.score !== null && audit.score < 0.9 && !['manual', 'informative', 'notApplicable'].includes(audit.scoreDisplayMode)).map((audit) => `${audit.id} ${audit.displayValue ?? ''}`.trim());
  }
  return found;
}

async function offline(page) {
  await page.goto(`${address}/console/`);
  await page.evaluate(() => navigator.serviceWorker.ready);
  await page.reload();
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
  await page.goto(`${address}/console/plugins`);
  await page.getByRole('link', { name: 'orders', exact: true }).waitFor();
  await page.goto(`${address}/console/`);
  process.kill(pid, 'SIGKILL');
  while (!(await page.evaluate(() => fetch('/health/live', { cache: 'no-store' }).then(() => false, () => true)))) await page.waitForTimeout(20);
  const began = performance.now();
  await page.goto(`${address}/console/plugins`);
  await page.getByRole('link', { name: 'orders', exact: true }).waitFor();
  return performance.now() - began;
}
