// Dark, light and narrow; the keyboard alone; axe.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { answers, ask, box, launch, log, open, openExplore, panelHasInk, settled, shot, signIn } from '../browser.mjs';

const axeSource = readFileSync('node_modules/axe-core/axe.min.js', 'utf8');
let browser;
before(async () => { browser = await launch(); });
after(async () => { await browser?.close(); });

/** Serious findings of axe inside our part of the page. */
async function serious(page) {
  await page.evaluate(axeSource);
  const { violations } = await page.evaluate(() => window.axe.run('[data-persai]', { resultTypes: ['violations'] }));
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    // Inside a native panel the marks are Perses' own.
    .map(({ id, nodes }) => ({ id, targets: nodes.map((node) => node.target.join(' ')).filter((target) => !/figure|panel|chart/i.test(target)) }))
    .filter(({ targets }) => targets.length > 0);
}

for (const [name, options] of [
  ['light', { mode: 'light' }],
  ['dark', { mode: 'dark' }],
  ['narrow', { mode: 'light', width: 600, height: 900 }],
  ['narrow-dark', { mode: 'dark', width: 420, height: 800 }],
]) {
  test(`${name}: an answer with a panel is legible and axe finds nothing serious`, async () => {
    const page = await open(browser, options);
    await signIn(page);
    await openExplore(page, { mode: options.mode });
    await shot(page, `look-${name}-first`);
    assert.deepEqual(await serious(page), [], 'before the first question');
    await ask(page, 'Show http_requests_total by service over the last 30 minutes');
    await settled(page);
    const ink = await panelHasInk(answers(page).last().getByRole('figure').first()).catch(() => false);
    await shot(page, `look-${name}-answer`);
    assert.equal(ink, true, 'the panel draws data');
    assert.deepEqual(await serious(page), [], 'with an answer');
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(overflow <= 1, `the page scrolls sideways by ${overflow} px`);
  });
}

test('the whole way goes by the keyboard', async () => {
  const page = await open(browser);
  await signIn(page);
  await openExplore(page);
  await page.keyboard.type('What is down?');
  await page.keyboard.press('Shift+Enter');
  await page.keyboard.type('And why?');
  assert.equal(await box(page).inputValue(), 'What is down?\nAnd why?');
  await page.keyboard.press('Enter');
  await answers(page).first().waitFor();
  await settled(page);
  await page.keyboard.press('ArrowUp');
  assert.equal(await box(page).inputValue(), 'What is down?\nAnd why?');
  // Tab reaches the tool card's own button, and Enter opens it.
  const card = log(page).getByRole('group', { name: 'query_metrics' }).first();
  const button = card.getByRole('button').first();
  await button.focus();
  await page.keyboard.press('Enter');
  await card.getByRole('button', { expanded: true }).first().waitFor();
  await card.getByText('up', { exact: false }).first().waitFor();
  const outline = await button.evaluate((element) => getComputedStyle(element).outlineStyle + getComputedStyle(element).boxShadow);
  assert.notEqual(outline, 'nonenone', 'focus is visible');
  await shot(page, 'keyboard-tool-open');
});
