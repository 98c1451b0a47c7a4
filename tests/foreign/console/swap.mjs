// Three browsers watch while a plugin is installed, replaced and removed: its pages come, change and go within two seconds, without a reload and without losing what was typed.
import { address, api, assert, input, person, signIn, walk } from './browser.mjs';

const limit = 2000;
await walk(async (browser) => {
  const people = await Promise.all([1, 2, 3].map(() => person(browser, { expected: ['/api/custom/notes/notes', '/live'] })));
  for (const { page } of people) {
    await signIn(page);
    await page.evaluate(() => { window.sameDocument = true; });
  }
  const took = {};
  const all = async (name, act, see) => {
    const began = Date.now();
    await act();
    const acted = Date.now();
    await Promise.all(people.map(({ page }) => see(page)));
    took[name] = [acted - began, Date.now() - acted];
  };
  const link = (page) => page.getByRole('navigation').getByRole('link', { name: 'Notes' });

  await all('installed', () => api('POST', '/api/v1/plugins', { path: input.first }), (page) => link(page).waitFor());
  for (const { page } of people) {
    await link(page).click();
    await page.getByRole('button', { name: 'New Note' }).click();
    await page.getByLabel('Text').fill('half a thought');
  }
  await all('replaced', () => api('POST', '/api/v1/plugins/notes/update', { path: input.second }), (page) => page.getByLabel('Colour').waitFor());
  for (const { page } of people) {
    assert.equal(await page.getByLabel('Text').inputValue(), 'half a thought');
    await page.getByLabel('Colour').fill('red');
    await page.getByRole('button', { name: 'Create' }).click();
    await page.getByRole('heading', { name: 'half a thought' }).waitFor();
  }
  const notes = await api('GET', '/api/custom/notes/notes');
  assert.deepEqual(notes.map((n) => [n.text, n.colour]), [['half a thought', 'red'], ['half a thought', 'red'], ['half a thought', 'red']]);
  await all('removed', () => api('DELETE', '/api/v1/plugins/notes'), (page) => link(page).waitFor({ state: 'detached' }));
  for (const { page, whole } of people) {
    await page.getByText('There is no such page').waitFor();
    assert.equal(await page.evaluate(() => window.sameDocument), true, 'the page was reloaded');
    whole();
  }
  console.log(JSON.stringify(took));
  // What is seen after the command was over: the browsers' share of it.
  for (const [name, [, seen]] of Object.entries(took)) assert.ok(seen <= limit, `${name}: ${seen} ms`);
});
