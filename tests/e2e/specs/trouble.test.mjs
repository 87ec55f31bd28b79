// Every trouble says what, why and what to do, where it happened, and keeps what was there.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { answers, ask, launch, log, open, openExplore, settled, shot, signIn } from '../browser.mjs';

let browser;
before(async () => { browser = await launch(); });
after(async () => { await browser?.close(); });

async function signedIn(options) {
  const page = await open(browser, options);
  await signIn(page);
  return page;
}

async function choose(page, name) {
  await page.getByRole('button', { name: /^Datasources:/ }).click();
  const list = page.getByRole('group', { name: 'Datasources' });
  // The core decides, a frame later; and the last chosen one stays chosen, so the default goes second.
  await list.getByRole('checkbox', { name }).click();
  await list.getByRole('checkbox', { name, checked: true }).waitFor();
  await list.getByRole('checkbox', { name: /^Prometheus/ }).click();
  await list.getByRole('checkbox', { name: /^Prometheus/, checked: false }).waitFor();
  await page.keyboard.press('Escape');
}

for (const [name, breakIt] of [
  ['cut off', (route) => route.abort()],
  ['HTML instead', (route) => route.fulfill({ contentType: 'text/html', body: '<h1>proxy</h1>' })],
  ['404', (route) => route.fulfill({ status: 404, body: 'no' })],
]) {
  test(`wasm that does not load (${name}) is a state with a way on, and the tabs stay`, async () => {
    const page = await signedIn();
    await page.route('**/*.wasm', breakIt);
    await page.goto('/explore?explorer=PersAI-PersAIExplorer');
    await page.getByRole('button', { name: /retry|try again/i }).first().waitFor();
    assert.ok((await page.getByRole('tab').count()) > 0, 'Explore still stands');
    await shot(page, `wasm-${name.replace(/\W+/g, '-')}`);
    await page.unroute('**/*.wasm');
  });
}

test('a page that forbids wasm says so', async () => {
  const page = await signedIn();
  await page.route('**/explore?*', async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, headers: { ...answer.headers(), 'content-security-policy': "script-src 'self' 'unsafe-inline'" } });
  });
  await page.goto('/explore?explorer=PersAI-PersAIExplorer');
  await page.getByText(/wasm-unsafe-eval|content security|CSP/i).first().waitFor();
  await shot(page, 'wasm-csp');
});

test('no relay: says where it was looked for and comes back by itself', async () => {
  const page = await signedIn();
  await page.route('**/persai/**', (route) => route.fulfill({ status: 404, contentType: 'text/html', body: 'no such page' }));
  await page.goto('/explore?explorer=PersAI-PersAIExplorer');
  await page.getByText(/\/persai/).first().waitFor();
  await shot(page, 'no-relay');
  await page.unroute('**/persai/**');
  await page.getByRole('button', { name: /retry|try again/i }).first().click();
  await page.getByText(/nothing leaves this Perses|are sent to/).first().waitFor();
});

for (const [datasource, words] of [
  ['Answers HTML', /html|not (the )?json|does not look like|malformed/i],
  ['Broken: nothing listens', /reach|connect|unreachable/i],
  ['Answers 256 MiB', /too (large|big)|limit|MiB|MB/i],
  ['Upstream says 401', /refuse|401|credentials/i],
]) {
  test(`the datasource "${datasource}" fails with a sentence in its card`, async () => {
    const page = await signedIn();
    await openExplore(page);
    await page.getByRole('combobox', { name: /model/i }).selectOption('builtin');
    await choose(page, new RegExp(datasource));
    await ask(page, '/query up');
    await settled(page, 90_000);
    const card = log(page).getByRole('group', { name: 'query_metrics' }).first();
    const text = `${await card.innerText()}\n${await answers(page).last().innerText()}`;
    assert.match(text, words);
    assert.equal(await card.getAttribute('data-state'), 'failed');
    await shot(page, `datasource-${datasource.replace(/\W+/g, '-')}`);
  });
}

test('a datasource with a direct URL is named, can not be chosen, and says why', async () => {
  const page = await signedIn();
  await openExplore(page);
  await page.getByRole('button', { name: /^Datasources:/ }).click();
  const option = page.getByRole('checkbox', { name: /Direct, without the proxy/ });
  assert.equal(await option.isDisabled(), true);
  assert.match(await page.getByText(/direct URL/i).first().innerText(), /direct URL/i);
  await shot(page, 'datasource-direct');
});

test('PromQL that does not parse, and no data, are explained', async () => {
  const page = await signedIn();
  await openExplore(page);
  await page.getByRole('combobox', { name: /model/i }).selectOption('builtin');
  await ask(page, '/query sum(rate(');
  await settled(page);
  assert.match(await answers(page).last().innerText(), /parse|syntax|unexpected|not valid|can.?not be read|incomplete/i);
  await ask(page, '/query there_is_no_such_metric_anywhere');
  await settled(page);
  assert.match(await answers(page).last().innerText(), /no data|nothing|no series|does not exist|empty/i);
  await shot(page, 'bad-query-and-no-data');
});

test('a provider that refuses its key says so without showing the key', async () => {
  const page = await signedIn();
  await openExplore(page);
  await page.getByRole('combobox', { name: /model/i }).selectOption('scripted');
  await ask(page, 'Please let the provider refuse the key.');
  await settled(page);
  const text = await answers(page).last().innerText();
  assert.match(text, /provider|key|administrator|operator/i);
  assert.doesNotMatch(text, /sk-/);
  await shot(page, 'provider-refuses');
});
