// The Chromium that tests of pages drive: an installed one, started so that it asks nothing of the network itself.
import { existsSync } from 'node:fs';
import { after, before } from 'node:test';
import { type Browser, chromium, type LaunchOptions, type Page } from 'playwright-core';
import { findProgram } from '../../bench/system/find-program.js';
import { lacks } from './needs.js';

const CHROMIUM = process.env.CHROMIUM ?? findProgram('chromium') ?? '/usr/bin/chromium';
const FLAGS = '--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-sync';

/** Why tests that need it are skipped; false where it is there. */
export const noChromium = existsSync(CHROMIUM) ? false : `${lacks('chromium')}, or set CHROMIUM to one`;

export const PHONE = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true };

export function launchChromium(options: LaunchOptions = {}): Promise<Browser> {
  const args = [...FLAGS.split(' '), '--disable-component-update'];
  return chromium.launch({ executablePath: CHROMIUM, args, ...options });
}

/** One Chromium for all tests of a file, ended after them; what it gives may be called once they run. */
export function sharedChromium(): () => Browser {
  let browser: Browser | undefined;
  before(async () => {
    if (!noChromium) browser = await launchChromium();
  });
  after(() => browser?.close());
  return () => browser as Browser;
}

/** How many pixels of each chart are not background: an empty canvas counts 0. */
export function inkedPixels(page: Page): Promise<number[]> {
  return page.$$eval('.chart canvas', (canvases) =>
    canvases.map((canvas) => {
      const { width, height } = canvas as unknown as { width: number; height: number };
      // biome-ignore lint/suspicious/noExplicitAny: the test project has no DOM types
      const pixels = (canvas as any).getContext('2d').getImageData(0, 0, width, height).data as Uint8ClampedArray;
      return pixels.filter((value, i) => i % 4 === 3 && value > 0).length;
    }),
  );
}
