// What every walk through the console shares: a browser that keeps what went wrong, a person who signs in, and calls to the API beside it.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

export const input = JSON.parse(process.argv[2]);
export const { address } = input;
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const patience = 30_000;

/** Opens a browser, runs the walk, and fails when the page complained, called somebody else or ran into an error nobody expected. */
export async function walk(run) {
  const browser = await chromium.launch({ executablePath: input.executable, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
  try {
    await run(browser);
  } finally {
    await browser.close();
  }
  console.log('whole');
}

/** A person's own browser profile. */
export async function person(browser, options = {}) {
  const { expected = [], ...rest } = options;
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: 'en-GB', timezoneId: 'Europe/Berlin', reducedMotion: 'reduce', ...rest });
  context.setDefaultTimeout(patience);
  const page = await context.newPage();
  const faults = [];
  page.on('pageerror', (error) => faults.push(`page error: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() !== 'error' && message.type() !== 'warning') return;
    // The browser says each answer of 400 and more in its own words; those that are expected are named by their path.
    if (expected.some((path) => message.location().url.includes(path) || message.text().includes(path))) return;
    faults.push(`console ${message.type()}: ${message.text()} ${message.location().url}`);
  });
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (url.protocol.startsWith('http') && url.origin !== new URL(address).origin) faults.push(`another origin: ${url}`);
  });
  const look = (condition, what) => page.waitForFunction(condition, what, { timeout: patience });
  return { context, page, faults, look, whole: () => assert.deepEqual(faults, []) };
}

export async function signIn(page, username = 'admin', password = input.password) {
  await page.goto(`${address}/console/`);
  await page.getByLabel('User name or e-mail').fill(username);
  await page.locator('input[name=password]').fill(password);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByRole('navigation', { name: 'Menu' }).waitFor();
}

/** Violations of the rules of accessibility, as sentences. */
export async function violations(page) {
  await page.evaluate((source) => { if (!('axe' in window)) (0, eval)(source); }, axe).catch(() => page.context().newCDPSession(page).then((devtools) => devtools.send('Runtime.evaluate', { expression: axe })));
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  return found.violations.flatMap((v) => v.nodes.map((node) => `${v.id} (${v.impact}): ${v.help}: ${node.target.join(' ')} ${node.failureSummary?.split('\n')[1]?.trim() ?? ''}`));
}

export function shot(page, name) {
  mkdirSync(input.shots, { recursive: true });
  return page.screenshot({ path: `${input.shots}/${name}.png` });
}

/** What is open, at three widths, light and dark: pictures for a person to look at, and no violation in any of them. */
export async function looks(page, name) {
  const before = page.viewportSize();
  for (const [width, height, colorScheme] of [[360, 740, 'dark'], [768, 1024, 'light'], [1440, 900, 'dark'], [1440, 900, 'light']]) {
    await page.mouse.move(0, 0);
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme });
    // The colours are those of the scheme a moment after it was set.
    await page.waitForFunction((wanted) => document.documentElement.dataset.mantineColorScheme === wanted && (getComputedStyle(document.body).color === 'rgb(0, 0, 0)') === (wanted === 'light') && document.getAnimations().every((one) => one.playState !== 'running' || one.effect?.getTiming().iterations === Infinity), colorScheme);
    await shot(page, `${name}-${width}-${colorScheme}`);
    assert.deepEqual(await violations(page), [], `${name} ${width} ${colorScheme}`);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(wide <= 0, `${name} ${width}: scrolls sideways by ${wide} px`);
  }
  await page.setViewportSize(before);
}

/** The same page in German. */
export async function inGerman(page) {
  await page.evaluate(() => localStorage.setItem('nexus.language', 'de'));
  await page.reload();
  await page.waitForFunction(() => document.documentElement.lang === 'de');
}

/** A call of the administrator, beside the browser. */
export async function api(method, path, body) {
  const answer = await fetch(address + path, { method, headers: { authorization: `Bearer ${input.token}`, ...(body === undefined ? {} : { 'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json' }) }, body: body === undefined ? undefined : JSON.stringify(body) });
  const text = await answer.text();
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
  return text ? JSON.parse(text) : null;
}

export { assert };

/** Waits until what a page asks of the node is so. Not `waitForFunction`, to which a promise is true whatever becomes of it. */
export async function until(page, ask, argument) {
  for (const end = Date.now() + 30_000; !(await page.evaluate(ask, argument));) {
    assert.ok(Date.now() < end, `not so within 30 s: ${ask}`);
    await page.waitForTimeout(100);
  }
}
