// An operator follows events as they happen, looks at one, and replays what failed for good.
import { address, api, assert, input, person, shot, signIn, until, violations, walk } from './browser.mjs';

await walk(async (browser) => {
  await api('POST', '/api/v1/plugins', { path: input.desk });
  const { page, whole } = await person(browser, { expected: ['/api/v1/config'] });
  await signIn(page);
  const open = async (name) => {
    await page.getByRole('navigation').getByRole('link', { name, exact: true }).click();
    await page.getByRole('heading', { level: 1, name }).waitFor();
  };
  const side = page.getByRole('dialog');
  const leave = async () => {
    await side.getByRole('button', { name: 'Close' }).click();
    await side.waitFor({ state: 'detached' });
  };

  // What is published appears by itself; a name narrows it; a click shows all of it.
  await open('Events');
  await page.getByRole('region', { name: 'Stream' }).waitFor();
  await api('POST', '/api/v1/events', { name: 'bakery.opened', data: { bread: 'rye' } });
  await page.getByRole('button', { name: 'bakery.opened' }).waitFor();
  await page.getByLabel('Event name or pattern').fill('bakery.*');
  await page.waitForURL(/pattern=bakery/);
  await page.waitForFunction(() => document.querySelectorAll('main tbody tr').length === 1);
  await page.getByRole('button', { name: 'bakery.opened' }).click();
  await side.getByText('"bread": "rye"').waitFor();
  assert.deepEqual(await violations(page), []);
  await shot(page, 'event-open');
  await leave();

  // While the stream stands still, nothing is added to it.
  const other = await person(browser);
  await signIn(other.page);
  await other.page.goto(`${address}/console/events?pattern=bakery.*`);
  await other.page.getByRole('button', { name: 'bakery.opened' }).waitFor();
  await page.getByRole('switch', { name: 'Live' }).uncheck({ force: true });
  await api('POST', '/api/v1/events', { name: 'bakery.closed', data: {} });
  await other.page.getByRole('button', { name: 'bakery.closed' }).waitFor();
  other.whole();
  assert.equal(await page.getByRole('button', { name: 'bakery.closed' }).count(), 0);
  await page.getByRole('switch', { name: 'Live' }).check({ force: true });
  await page.getByRole('button', { name: 'bakery.closed' }).waitFor();

  // A dead letter says why it died, and is delivered when it is replayed.
  const letter = await api('POST', '/api/v1/events', { name: 'desk.letter', data: { to: 'Konrad' } });
  await page.getByRole('tab', { name: 'Dead letters' }).click();
  await page.getByText('the letter box is shut').waitFor();
  assert.deepEqual(await violations(page), []);
  await shot(page, 'dead-letters');
  await page.getByRole('button', { name: 'Replay: desk.letter desk/desk.letter' }).click();
  await side.getByRole('button', { name: 'Replay', exact: true }).click();
  await page.getByText('1 made due again').waitFor();
  await page.getByText('Nothing failed for good').waitFor();
  await until(page, async (id) => (await (await fetch(`/api/v1/events/${id}`)).json()).deliveries[0].state === 'Done', letter.id);
  await page.getByRole('tab', { name: 'Subscribers' }).click();
  await page.getByRole('cell', { name: 'desk/desk.letter' }).waitFor();
  await page.getByRole('tab', { name: 'Statistics' }).click();
  await page.getByRole('cell', { name: 'desk.letter', exact: true }).waitFor();
  const counted = await page.getByRole('row').filter({ hasText: 'desk.letter' }).getByRole('cell').allInnerTexts();
  assert.deepEqual(counted.slice(0, 3), ['desk.letter', '1', '1']);
  whole();
});
