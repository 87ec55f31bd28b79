// kill -9 in mid-answer, start again, reload: everything that was shown is there, nothing twice, and the end is honest.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { answers, ask, launch, log, open, openExplore, settled, shot, signIn, world } from '../browser.mjs';

let browser;
before(async () => { browser = await launch(); });
after(async () => { await browser?.close(); });

const post = (url) => fetch(url, { method: 'POST' });

test('a relay killed in mid-answer loses nothing that was shown', async () => {
  await post(`${world.urls.llm}/__reset`);
  const page = await open(browser);
  await signIn(page);
  await openExplore(page);
  await page.getByRole('combobox', { name: /model/i }).selectOption('scripted');
  await ask(page, 'Please answer behind five gates.');
  await post(`${world.urls.llm}/__gate/g1/open`);
  await post(`${world.urls.llm}/__gate/g2/open`);
  const answer = answers(page).last();
  await answer.getByText('the second part').waitFor();
  const shown = await answer.innerText();

  assert.equal((await post(`${world.urls.control}/kill-relay`)).status, 204);
  await page.getByText(/retry/i).first().waitFor({ timeout: 20_000 });
  await shot(page, 'relay-gone');
  assert.equal((await post(`${world.urls.control}/start-relay`)).status, 200);

  await page.reload();
  await log(page).getByText('five gates').first().waitFor();
  await settled(page);
  const after = await answers(page).last().innerText();
  for (const part of ['The first part', 'the second part']) {
    assert.ok(shown.includes(part));
    assert.equal(after.split(part).length, 2, `"${part}" once in: ${after}`);
  }
  assert.match(after, /relay .*(restarted|went down|stopped)/i);
  await shot(page, 'after-kill');
});
