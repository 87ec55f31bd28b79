// A person at the page: a real Chromium, signed in, in Explore, in our tab.
import { chromium } from 'playwright-core';

export const world = JSON.parse(process.env.PERSAI_WORLD ?? 'null');
if (!world) throw new Error('run these tests with: node tests/e2e/run.mjs');

const args = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
];

export async function launch() {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args });
}

/** A page in a browser context of its own; console errors are kept for the test to look at. */
export async function open(browser, { timezone = 'UTC', mode = 'light', width = 1280, height = 900, reducedMotion } = {}) {
  const context = await browser.newContext({
    timezoneId: timezone,
    viewport: { width, height },
    colorScheme: mode,
    reducedMotion,
    baseURL: world.url,
  });
  const page = await context.newPage();
  page.consoleErrors = [];
  page.on('console', (message) => message.type() === 'error' && page.consoleErrors.push(message.text()));
  page.on('pageerror', (error) => page.consoleErrors.push(String(error)));
  return page;
}

/** Logs in by the page's own form. */
export async function signIn(page, user = 'alice') {
  await page.goto('/');
  await page.getByRole('textbox', { name: /user|login/i }).fill(user);
  await page.getByLabel(/password/i).fill(`${user}-password`);
  await page.getByRole('button', { name: /sign in|log in/i }).click();
  await page.waitForFunction(() => document.cookie.includes('jwtPayload'));
}

/** Opens Explore at our tab. `query` may hold start, end, mode, fetchLayers (see playground/ui). */
export async function openExplore(page, query = {}) {
  const search = new URLSearchParams({ explorer: 'PersAI-PersAIExplorer', ...query });
  await page.goto(`/explore?${search}`);
  await box(page).waitFor();
  // Ready: the relay has answered, and a datasource is chosen.
  await page.getByRole('button', { name: /^Datasources: (?!none)/ }).waitFor();
}

export const box = (page) => page.getByRole('textbox', { name: 'Ask about your data' });
export const log = (page) => page.getByRole('log');
export const answers = (page) => log(page).getByRole('article', { name: /answer/i });

export async function ask(page, question) {
  await box(page).fill(question);
  await page.getByRole('button', { name: 'Send' }).click();
}

/** Waits until no run goes on: Send is back in the place of Stop. */
export async function settled(page, timeout = 60_000) {
  await page.getByRole('button', { name: 'Send' }).waitFor({ timeout });
}

/** A panel has drawn something: an echarts canvas with painted pixels. */
export async function panelHasInk(figure) {
  const canvas = figure.locator('canvas').first();
  await canvas.waitFor({ timeout: 30_000 });
  return canvas.evaluate(async (element) => {
    for (let attempt = 0; attempt < 50; attempt += 1) {
      const { data } = element.getContext('2d').getImageData(0, 0, element.width, element.height);
      const colours = new Set();
      for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 0) colours.add((data[i] << 16) | (data[i + 1] << 8) | data[i + 2]);
      // Axes and grid alone are greys; a line brings saturated colours.
      const saturated = [...colours].some((c) => Math.max(c >> 16, (c >> 8) & 255, c & 255) - Math.min(c >> 16, (c >> 8) & 255, c & 255) > 60);
      if (saturated) return true;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    return false;
  });
}

export const shot = (page, name) => page.screenshot({ path: `tests/e2e/screenshots/${name}.png` });
