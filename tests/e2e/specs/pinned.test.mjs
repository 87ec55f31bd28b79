// The panel asks for exactly what the model read: start, end and step of both requests, as the stand-in recorded them.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { answers, ask, launch, open, openExplore, panelHasInk, settled, shot, signIn, world } from '../browser.mjs';

let browser;
before(async () => { browser = await launch(); });
after(async () => { await browser?.close(); });

/** Range queries that went through the datasource proxy, oldest first, split by who asked. */
async function recorded() {
  const answer = await fetch(`${world.urls.perses}/__recorded`);
  const requests = await answer.json();
  const ranges = requests
    .filter((request) => request.path.endsWith('/api/v1/query_range'))
    .map(({ params, userAgent }) => ({ ...pick(Object.fromEntries(params)), relay: /persai-relay/i.test(userAgent) }));
  return { relay: ranges.filter((range) => range.relay), panel: ranges.filter((range) => !range.relay) };
}
const pick = ({ query, start, end, step }) => ({ query, start: Number(start), end: Number(end), step: Number(step) });

const HOUR = 3_600_000;
for (const timezone of ['UTC', 'Asia/Kathmandu']) {
  for (const [name, window, stepSecs] of [
    ['15 s', { length: 30 * 60_000 }, 15],
    ['1 h', { length: 10 * 24 * HOUR }, 3600],
  ]) {
    test(`in ${timezone} with a step of ${name} the panel's request equals the relay's`, async () => {
      const page = await open(browser, { timezone });
      await signIn(page);
      // A window that ends at an odd second, so that alignment matters.
      const end = Math.floor(Date.now() / 1000) * 1000 - 37_000;
      await openExplore(page, { start: String(end - window.length), end: String(end) });
      await page.getByRole('combobox', { name: /model/i }).selectOption('scripted');
      const before = await recorded();
      await ask(page, `Please query with a step of ${stepSecs} s.`);
      await settled(page);
      const figure = answers(page).last().getByRole('figure').first();
      assert.equal(await panelHasInk(figure), true);
      const now = await recorded();
      const relay = now.relay.slice(before.relay.length);
      const panel = now.panel.slice(before.panel.length);
      assert.equal(relay.length, 1, JSON.stringify(relay));
      assert.ok(panel.length >= 1, 'the panel asked');
      for (const asked of panel) {
        assert.deepEqual({ ...asked, relay: undefined }, { ...relay[0], relay: undefined });
      }
      assert.equal(relay[0].step, stepSecs);
      if (timezone === 'Asia/Kathmandu') await shot(page, `kathmandu-${stepSecs}s`);
    });
  }
}
