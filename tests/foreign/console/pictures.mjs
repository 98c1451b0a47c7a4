// Pictures of an order: each place and screen fetches the width it needs as WebP, a larger one opens and closes from the keyboard, what is no picture is named, and what was seen stays without the server.
import { randomBytes } from 'node:crypto';
import { address, api, assert, inGerman, input, looks, person, signIn, until, violations, walk } from './browser.mjs';

await walk(async (browser) => {
  const order = await api('POST', '/api/business/orders/orders', { customer: 'Grace Hopper', sku: 'N-1', quantity: 1 });
  const attach = async (name, type, body) => (await (await fetch(`${address}/api/business/orders/orders/${order.id}/attachments?name=${name}`, { method: 'POST', headers: { authorization: `Bearer ${input.token}`, 'content-type': type }, body })).json())[0];
  const painter = await browser.newPage();
  const photo = Buffer.from(await painter.evaluate(async () => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 2400, height: 1600 });
    const paint = canvas.getContext('2d');
    for (let n = 0; n < 4000; n++) {
      paint.fillStyle = `hsl(${(n * 47) % 360} 70% ${20 + ((n * 13) % 60)}%)`;
      paint.fillRect((n * 997) % 2400, (n * 613) % 1600, 20 + (n % 180), 20 + (n % 140));
    }
    return canvas.toDataURL('image/jpeg', 0.92).split(',')[1];
  }), 'base64');
  await painter.close();
  const file = await attach('photo.jpg', 'image/jpeg', photo);
  await attach('broken.png', 'image/png', Buffer.concat([Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), randomBytes(6 * 1024 * 1024)]));

  /** Opens the order on a screen, looks at the picture small and large; the widths that were fetched, with their bytes. */
  const visit = async (viewport) => {
    const who = await person(browser, { viewport, expected: [order.id] });
    const fetched = new Map();
    who.page.on('response', async (answer) => {
      const width = new URL(answer.url()).searchParams.get('width');
      if (!answer.url().includes(file.id)) return;
      assert.equal(answer.headers()['content-type'], width ? 'image/webp' : 'image/jpeg');
      fetched.set(Number(width), Number(answer.headers()['content-length']));
    });
    await signIn(who.page);
    await who.page.goto(`${address}/console/r/orders.orders/${order.id}`);
    const section = who.page.getByRole('region', { name: 'Attachments' });
    const thumb = section.getByRole('button', { name: 'Show photo.jpg larger' });
    await thumb.scrollIntoViewIfNeeded();
    await who.look(() => [...document.querySelectorAll('section img[alt="photo.jpg"]')].some((image) => image.complete && image.naturalWidth > 0));
    const small = [...fetched.keys()];
    // By the keyboard, there and back.
    await thumb.focus();
    await who.page.keyboard.press('Enter');
    const dialog = who.page.getByRole('dialog', { name: 'photo.jpg' });
    await who.look(() => [...document.querySelectorAll('[role=dialog] img')].some((image) => image.complete && image.naturalWidth > 0));
    const box = await dialog.getByRole('img', { name: 'photo.jpg' }).boundingBox();
    assert.ok(box.width <= viewport.width && box.width > viewport.width * 0.6, `the picture is ${box.width} wide on a screen of ${viewport.width}`);
    assert.deepEqual(await violations(who.page), []);
    await dialog.getByRole('link', { name: 'Download photo.jpg' }).waitFor();
    await who.page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    await who.look(() => document.activeElement?.getAttribute('aria-label') === 'Show photo.jpg larger');
    return { ...who, section, fetched, small, large: [...fetched.keys()].filter((width) => !small.includes(width)) };
  };

  const wide = await visit({ width: 1440, height: 900 });
  const narrow = await visit({ width: 360, height: 740 });

  assert.deepEqual([wide.small, wide.large], [[160], [1280]]);
  assert.deepEqual([narrow.small, narrow.large], [[80], [640]]);
  const sizes = [narrow.fetched.get(80), wide.fetched.get(160), narrow.fetched.get(640), wide.fetched.get(1280), photo.length];
  assert.ok(sizes.every((size, n) => size > (sizes[n - 1] ?? 0)), `bytes ${sizes}`);
  console.log(`bytes by width 80, 160, 640, 1280, original: ${sizes.join(', ')}`);

  // What is no picture after all, and too large to be shown as it is, is named.
  await wide.look(() => document.querySelectorAll('section button.thumb svg').length === 1);
  await wide.section.getByRole('link', { name: 'broken.png', exact: true }).waitFor();
  await looks(wide.page, 'pictures');
  await wide.section.getByRole('button', { name: 'Show broken.png larger' }).click();
  await wide.page.getByRole('dialog').getByText('cannot be shown here').waitFor();
  assert.deepEqual(await violations(wide.page), []);
  await wide.page.keyboard.press('Escape');
  wide.whole();
  narrow.whole();

  // What was looked at stays for the time without the server, and goes with whoever signs out.
  const kept = () => caches.open('console-pictures').then((cache) => cache.keys()).then((keys) => keys.map((request) => new URL(request.url).search));
  await wide.page.reload();
  await until(wide.page, async () => (await (await caches.open('console-pictures')).keys()).length > 0);
  assert.ok((await wide.page.evaluate(kept)).every((search) => /^\?width=\d+$/.test(search)));
  await inGerman(wide.page);
  await wide.page.getByRole('button', { name: 'photo.jpg größer zeigen' }).click();
  await wide.page.getByRole('dialog', { name: 'photo.jpg' }).getByRole('link', { name: 'photo.jpg herunterladen' }).waitFor();
  assert.deepEqual(await violations(wide.page), []);
});
