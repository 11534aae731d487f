// The Chromium that tests of pages drive: an installed one, started so that it asks nothing of the network itself.
import { existsSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const FLAGS = '--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-sync';

/** Why tests that need it are skipped; false where it is there. */
export const noChromium = existsSync(CHROMIUM)
  ? false
  : `no Chromium at ${CHROMIUM} (apt-get install chromium, or set CHROMIUM)`;

export const PHONE = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true };

export function launchChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: [...FLAGS.split(' '), '--disable-component-update'] });
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
