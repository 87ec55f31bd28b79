// Who sees the token, what a lasting refusal costs, and that an answer loads nothing from elsewhere.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { answers, ask, box, launch, log, open, openExplore, settled, shot, signIn, world } from '../browser.mjs';

let browser;
before(async () => { browser = await launch(); });
after(async () => { await browser?.close(); });

test('the token is seen by Perses and its datasource, and by nobody else', async () => {
  await fetch(`${world.urls.llm}/__reset`, { method: 'POST' });
  const page = await open(browser);
  await signIn(page);
  const cookies = await page.context().cookies();
  const secrets = ['jwtPayload', 'jwtSignature', 'jwtRefreshToken'].map((name) => cookies.find((cookie) => cookie.name === name).value);
  await openExplore(page);
  await page.getByRole('combobox', { name: /model/i }).selectOption('scripted');
  await ask(page, 'Please tell me about the cpu.');
  await settled(page);
  const seen = async (url) => (await fetch(url)).text();
  const provider = await seen(`${world.urls.llm}/__recorded`);
  assert.match(provider, /chat\/completions/, 'the model was asked');
  for (const secret of secrets) assert.equal(provider.includes(secret), false, 'the provider saw a part of the token');
  const perses = JSON.parse(await seen(`${world.urls.perses}/__recorded`)).filter((request) => /persai-relay/i.test(request.userAgent));
  assert.ok(perses.length > 0, 'the relay asked Perses');
  for (const request of perses) {
    const headers = Object.fromEntries(request.headers.map(([name, value]) => [name.toLowerCase(), value]));
    assert.equal(headers.cookie, undefined, `a cookie went to ${request.path}`);
    assert.equal(JSON.stringify(request).includes(secrets[2]), false, 'the refresh token went to Perses');
  }
});

test('a lasting refusal makes at most two requests, though the page wraps fetch', async () => {
  const page = await open(browser);
  await signIn(page);
  await openExplore(page, { fetchLayers: '3' });
  // From now on the relay finds no good token: the payload cookie is cut off, and refreshing is refused.
  await page.context().clearCookies({ name: 'jwtSignature' });
  await page.context().clearCookies({ name: 'jwtRefreshToken' });
  let posts = 0;
  page.on('request', (request) => { if (request.url().endsWith('/persai/v1/agent')) posts += 1; });
  await ask(page, 'What is down?');
  await page.getByText(/sign in again/i).first().waitFor();
  await page.waitForTimeout(1500);
  assert.ok(posts >= 1 && posts <= 2, `${posts} requests`);
  await shot(page, 'sign-in-again');
});

test('another user does not see the conversation', async () => {
  const page = await open(browser);
  await signIn(page, 'alice');
  await openExplore(page);
  await ask(page, 'What is down?');
  await settled(page);
  const mine = await page.evaluate(async () => (await fetch('/persai/v1/conversations')).json());
  assert.ok(mine.conversations.length > 0);
  const other = await open(browser);
  await signIn(other, 'bob');
  const { id } = mine.conversations[0];
  const status = await other.evaluate(async (id) => (await fetch(`/persai/v1/conversations/${id}/events`)).status, id);
  assert.equal(status, 404);
  const listed = await other.evaluate(async () => (await fetch('/persai/v1/conversations')).json());
  assert.equal(listed.conversations.some((conversation) => conversation.id === id), false);
});

test('nothing remote is loaded from an answer, and no HTML of it lives', async () => {
  const page = await open(browser);
  await signIn(page);
  await openExplore(page);
  await page.getByRole('combobox', { name: /model/i }).selectOption('scripted');
  const foreign = [];
  page.on('request', (request) => { if (!request.url().startsWith(world.url) && !request.url().startsWith('data:') && !request.url().startsWith('blob:')) foreign.push(request.url()); });
  await ask(page, 'Please answer with hostile markdown.');
  await settled(page);
  const answer = answers(page).last();
  await answer.getByText('end of the hostile answer').waitFor();
  assert.deepEqual(foreign, []);
  assert.equal(await answer.locator('img, iframe, script, style, object, svg image, form').count(), 0);
  assert.equal(await page.evaluate(() => window.__hostile ?? null), null);
  for (const link of await answer.getByRole('link').all()) {
    assert.doesNotMatch((await link.getAttribute('href')) ?? '', /^(javascript|data|vbscript|\/\/|\\\\)/i);
  }
  await shot(page, 'hostile');
});

test('two tabs follow the same conversation', async () => {
  await fetch(`${world.urls.llm}/__reset`, { method: 'POST' });
  const first = await open(browser);
  await signIn(first);
  await openExplore(first);
  await first.getByRole('combobox', { name: /model/i }).selectOption('scripted');
  await ask(first, 'Please answer behind five gates.');
  await answers(first).last().waitFor();
  const second = await first.context().newPage();
  await openExplore(second);
  await second.getByRole('button', { name: /five gates/ }).first().click();
  await answers(second).last().waitFor();
  for (const gate of ['g1', 'g2', 'g3', 'g4', 'g5', 'end']) await fetch(`${world.urls.llm}/__gate/${gate}/open`, { method: 'POST' });
  await settled(first);
  await settled(second);
  const texts = await Promise.all([first, second].map(async (page) => (await answers(page).last().innerText()).replace(/\s+/g, ' ')));
  assert.match(texts[0], /the fifth part/);
  assert.equal(texts[1].match(/The first part.*fifth part\./)?.[0], texts[0].match(/The first part.*fifth part\./)?.[0]);
  assert.equal(await log(second).getByText('five gates').count() >= 1, true);
  await box(second).waitFor();
});
