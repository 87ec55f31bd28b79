// The main job: sign in, open Explore, pick the tab, ask, and see a streamed answer with a native panel.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { answers, ask, box, launch, log, open, openExplore, panelHasInk, settled, shot, signIn } from '../browser.mjs';

let browser;
before(async () => { browser = await launch(); });
after(async () => { await browser?.close(); });

test('a question about CPU usage brings an answer and a native time series panel', async () => {
  const page = await open(browser);
  await signIn(page);
  await page.getByRole('link', { name: 'Explore' }).click();
  await page.getByRole('tab', { name: 'PersAI' }).click();
  await box(page).waitFor();
  // The click left the focus on the tab; opened by its address, the page puts it into the box.
  await page.reload();
  await box(page).waitFor();
  await page.waitForFunction(() => document.activeElement?.getAttribute('aria-label') === 'Ask about your data' || document.activeElement?.tagName === 'TEXTAREA', undefined, { timeout: 5000 });
  await page.getByText(/Answers come from the built-in engine; nothing leaves this Perses|Questions and query digests are sent to/).waitFor();
  await page.getByRole('group', { name: 'First questions' }).getByRole('button').nth(3).waitFor();
  await shot(page, 'first-look');

  await page.getByRole('combobox', { name: /model/i }).selectOption('builtin');
  await ask(page, 'What is the CPU usage per mode over the last 30 minutes?');
  await settled(page);
  const answer = answers(page).last();
  assert.match(await answer.innerText(), /idle|user|system/);
  const tool = answer.getByRole('group', { name: 'query_metrics' });
  await tool.first().waitFor();
  const figure = answer.getByRole('figure').first();
  assert.notEqual((await figure.getAttribute('aria-label')) ?? (await figure.getAttribute('aria-labelledby')), null);
  assert.equal(await panelHasInk(figure), true, 'the panel draws data');
  await shot(page, 'answer-light');
  assert.deepEqual(page.consoleErrors.filter((text) => /PersAI|persai|Uncaught/i.test(text)), []);
});

test('the fixture world and node_exporter can both be asked about', async () => {
  const page = await open(browser);
  await signIn(page);
  await openExplore(page);
  await page.getByRole('combobox', { name: /model/i }).selectOption('builtin');
  for (const [question, words] of [
    ['Show http_requests_total by service over the last hour', /checkout|cart|payment/],
    ['How much memory is available?', /GB|GiB|MB|MiB|%|bytes/i],
    ['What is down?', /down|up|every|all/i],
  ]) {
    const n = await answers(page).count();
    await ask(page, question);
    await answers(page).nth(n).waitFor();
    await settled(page);
    const text = await answers(page).nth(n).innerText();
    assert.match(text, words, `${question}\n${text}`);
  }
  const figures = log(page).getByRole('figure');
  assert.ok((await figures.count()) >= 2, `figures: ${await figures.count()}`);
  await shot(page, 'several-answers');
});
