// The answer is seen while it is made: the stand-in model waits at a gate that this test opens.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { answers, ask, launch, open, openExplore, settled, shot, signIn, world } from '../browser.mjs';

let browser;
before(async () => { browser = await launch(); await model('__reset'); });
after(async () => { await browser?.close(); });

const model = (path, method = 'POST') => fetch(`${world.urls.llm}/${path}`, { method });

test('text grows in at least five lengths before the run has ended', async () => {
  const page = await open(browser);
  await signIn(page);
  await openExplore(page);
  await page.getByRole('combobox', { name: /model/i }).selectOption('scripted');
  await ask(page, 'Please answer behind five gates.');
  const answer = answers(page).last();
  await answer.waitFor();
  const lengths = new Set();
  for (let gate = 1; gate <= 5; gate += 1) {
    const before = (await answer.innerText()).length;
    await model(`__gate/g${gate}/open`);
    await page.waitForFunction(
      ([element, length]) => element.innerText.length > length,
      [await answer.elementHandle(), before],
      { timeout: 15_000 },
    );
    // Between two gates the model sends nothing: what is read here is before RUN_FINISHED, and Stop still stands there.
    assert.equal(await page.getByRole('button', { name: 'Stop' }).count(), 1);
    lengths.add((await answer.innerText()).length);
  }
  assert.ok(lengths.size >= 5, `lengths seen: ${[...lengths]}`);
  await shot(page, 'streaming');
  await model('__gate/end/open');
  await settled(page);
});

test('stop keeps what was answered and says that it was stopped', async () => {
  await model('__reset');
  const page = await open(browser);
  await signIn(page);
  await openExplore(page);
  await page.getByRole('combobox', { name: /model/i }).selectOption('scripted');
  await ask(page, 'Please answer behind five gates.');
  await model('__gate/g1/open');
  const answer = answers(page).last();
  await answer.getByText('first part').waitFor();
  await page.getByRole('button', { name: 'Stop' }).click();
  await settled(page);
  assert.match(await answer.innerText(), /first part/);
  assert.match(await answer.innerText(), /stopped/i);
  await shot(page, 'stopped');
});
