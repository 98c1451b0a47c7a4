// An administrator makes a role, a person and a group, asks why the person may do something, and takes it away again; keys are made, shown once, and revoked.
import { address, api, assert, input, person, shot, signIn, violations, walk } from './browser.mjs';

const callAs = (key, path) => fetch(address + path, { headers: { 'x-api-key': key } }).then((answer) => answer.status);

await walk(async (browser) => {
  await api('POST', '/api/business/orders/orders', { customer: 'Frances Allen', sku: 'F-1', quantity: 1 });
  const { page, whole } = await person(browser, { expected: ['/api/v1/users', '/api/v1/roles'] });
  await signIn(page);
  const dialog = page.getByRole('dialog');
  const menu = (name) => page.getByRole('navigation').getByRole('link', { name, exact: true });

  // A role, with a permission that was typed; what is wrong with its name is said at its name.
  await menu('Roles').click();
  await page.getByRole('link', { name: 'moderator', exact: true }).waitFor();
  await page.getByRole('button', { name: 'New role' }).click();
  await dialog.getByLabel('Name').fill('Not a name');
  await dialog.getByRole('button', { name: 'Create' }).click();
  await dialog.getByText('1 to 64 of a-z').waitFor();
  await dialog.getByLabel('Name').fill('order-reader');
  for (const permission of ['core.identity:use', 'orders.orders:read:all']) {
    await dialog.getByLabel('Permissions').fill(permission);
    await page.keyboard.press('Enter');
  }
  await page.keyboard.press('Escape');
  assert.deepEqual(await violations(page), []);
  await dialog.getByRole('button', { name: 'Create' }).click();
  await page.getByRole('heading', { level: 1, name: 'order-reader' }).waitFor();
  assert.deepEqual((await api('GET', '/api/v1/roles/order-reader')).permissions, ['core.identity:use', 'orders.orders:read:all']);

  // A person without it.
  await menu('Users').click();
  await page.getByRole('button', { name: 'New user' }).click();
  await dialog.getByLabel('User name').fill('frances');
  await dialog.getByLabel('Shown name').fill('Frances Allen');
  await dialog.locator('input[type=password]').fill('short');
  await dialog.getByRole('button', { name: 'Create' }).click();
  await dialog.locator('input[type=password][aria-invalid=true]').waitFor();
  await dialog.locator('input[type=password]').fill(input.password);
  await dialog.getByRole('button', { name: 'Remove' }).or(dialog.locator('.mantine-Pill-remove')).first().click();
  assert.deepEqual(await violations(page), []);
  await dialog.getByRole('button', { name: 'Create' }).click();
  await page.getByRole('heading', { level: 1, name: 'Frances Allen' }).waitFor();

  const why = page.getByRole('region', { name: 'Why may this person do that?' });
  const asks = async (permission) => {
    await why.getByLabel('Permission').fill(permission);
    await page.keyboard.press('Escape');
    await why.getByRole('button', { name: 'Check' }).click();
    await why.getByRole('status').getByText(new RegExp(`^${permission}: (Allowed|Not allowed)$`)).waitFor();
    return why.getByRole('status').innerText();
  };
  assert.match(await asks('orders.orders:read'), /Not allowed/);

  // The role is given, and it is the one that decides.
  await page.getByRole('button', { name: 'Edit' }).click();
  await dialog.getByLabel('Roles').click();
  await page.getByRole('option', { name: 'order-reader' }).click();
  await page.keyboard.press('Escape');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('main').getByRole('link', { name: 'order-reader' }).waitFor();
  const answer = await asks('orders.orders:read:all');
  assert.match(answer, /: Allowed/);
  assert.match(answer, /Decided by the role order-reader/);
  await shot(page, 'users_one-1440-light');
  assert.deepEqual(await violations(page), []);

  // She signs in, sees orders, and is seen where she is signed in until that is ended.
  const frances = (await api('GET', '/api/v1/users/frances')).id;
  await api('PUT', `/api/v1/users/${frances}`, { mustChangePassword: false });
  const hers = await person(browser, { expected: ['/api/v1/'] });
  await signIn(hers.page, 'frances');
  await hers.page.getByRole('navigation').getByRole('link', { name: 'Orders' }).click();
  await hers.page.getByText('Frances Allen').waitFor();
  assert.equal(await hers.page.getByRole('link', { name: 'Users' }).count(), 0);

  // Her key may no more than it was given, and nothing once it is revoked.
  await hers.page.getByRole('navigation').getByRole('link', { name: 'API keys' }).click();
  await hers.page.getByRole('button', { name: 'New API key' }).click();
  const hersDialog = hers.page.getByRole('dialog');
  await hersDialog.getByLabel('What is it for?').fill('Nightly export');
  await hersDialog.getByLabel('May', { exact: true }).fill('orders.orders:read');
  await hers.page.keyboard.press('Enter');
  await hers.page.keyboard.press('Escape');
  await hersDialog.getByRole('button', { name: 'Create' }).click();
  const key = await hers.page.locator('[data-shown]').innerText();
  assert.equal(await callAs(key, '/api/business/orders/orders'), 200);
  assert.equal(await callAs(key, '/api/v1/api-keys'), 403);
  assert.deepEqual(await violations(hers.page), []);
  await shot(hers.page, 'keys_made-1440-light');
  await hers.page.reload();
  await hers.page.getByText('Nightly export').waitFor();
  assert.equal(await hers.page.locator('[data-shown]').count(), 0);
  await menu('API keys').click();
  await page.getByText('Keys of everybody').click();
  await page.getByRole('row', { name: /Nightly export.*Frances Allen/s }).getByRole('button', { name: 'Revoke' }).click();
  await dialog.getByRole('button', { name: 'Revoke' }).click();
  await page.getByText('No key yet').waitFor();
  assert.equal(await callAs(key, '/api/business/orders/orders'), 401);

  // A group and its members.
  await menu('Groups').click();
  await page.getByRole('button', { name: 'New group' }).click();
  await dialog.getByLabel('Name').fill('pioneers');
  await dialog.getByRole('button', { name: 'Create' }).click();
  await page.getByRole('heading', { level: 1, name: 'pioneers' }).waitFor();
  await page.getByRole('combobox', { name: 'Add a member' }).or(page.getByLabel('Add a member')).first().click();
  await page.getByRole('option', { name: 'Frances Allen (frances)' }).click();
  await page.getByRole('main').getByRole('link', { name: 'Frances Allen' }).waitFor();
  assert.deepEqual((await api('GET', '/api/v1/groups/pioneers')).members.map((m) => m.username), ['frances']);
  assert.deepEqual(await violations(page), []);
  await shot(page, 'groups_one-1440-light');

  // Who becomes a member of a role keeps the roles they have now, not those of when the page was opened.
  await api('POST', '/api/v1/roles', { name: 'scribe', permissions: ['orders.orders:read'] });
  const ada = (await api('POST', '/api/v1/users', { username: 'ada', email: 'ada@example.org', displayName: 'Ada King', password: input.password, roles: ['order-reader'] })).id;
  await page.goto(`${address}/console/roles/scribe`);
  await page.getByLabel('Add a member').first().click();
  await page.getByRole('option', { name: 'Ada King (ada)' }).waitFor();
  await api('PUT', `/api/v1/users/${ada}`, { roles: [] });
  await page.getByRole('option', { name: 'Ada King (ada)' }).click();
  await page.getByRole('main').getByRole('link', { name: 'Ada King' }).waitFor();
  assert.deepEqual((await api('GET', `/api/v1/users/${ada}`)).roles, ['scribe']);
  await page.goto(`${address}/console/groups/pioneers`);

  // Her sessions end, and so does her account; both ask first where nothing can be taken back.
  await page.getByRole('main').getByRole('link', { name: 'Frances Allen' }).click();
  await page.getByRole('region', { name: 'Sign-in sessions' }).getByRole('button', { name: /^End: / }).click();
  await page.getByText('Signed in nowhere.').waitFor();
  await hers.page.reload();
  await hers.page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await page.getByRole('main').getByRole('button', { name: 'Actions' }).click();
  await page.getByRole('menuitem', { name: 'Disable' }).click();
  await dialog.getByRole('button', { name: 'Disable' }).click();
  await page.getByText('Disabled', { exact: true }).waitFor();
  await page.getByRole('main').getByRole('button', { name: 'Actions' }).click();
  await page.getByRole('menuitem', { name: 'Delete' }).click();
  await dialog.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('heading', { level: 1, name: 'Users' }).waitFor();
  await page.getByRole('searchbox', { name: 'Search' }).fill('frances');
  await page.getByText('Nothing matches').waitFor();
  assert.deepEqual((await api('GET', '/api/v1/users?q=frances')).items, []);
  whole();
});
