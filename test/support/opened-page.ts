// The live page of a real relay in a real Chromium, and what a person would do there.
import type { TestContext } from 'node:test';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import type { ServeProcess } from './fanwire-process.js';
import { SocketClient } from './socket-client.js';

export async function liveUrl(relay: ServeProcess): Promise<string> {
  return (await relay.seen(/"msg":"live page: (http:\/\/[^"]+)"/))[1] as string;
}

export interface Opened {
  readonly page: Page;
  /** Errors of scripts, of the console and dialogues so far. */
  readonly problems: string[];
}

export async function open(
  browser: Browser,
  t: TestContext,
  url: string,
  options: BrowserContextOptions = {},
): Promise<Opened> {
  const context = await browser.newContext(options);
  t.after(() => context.close());
  const page = await context.newPage();
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
  page.on('dialog', (dialog) => {
    problems.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  const own = new URL(url).origin;
  page.on('request', (request) => {
    if (!request.url().startsWith(own) && !request.url().startsWith('data:'))
      problems.push(`request: ${request.url()}`);
  });
  await page.goto(url);
  return { page, problems };
}

/** Ten subscribers of `topic`, one of which publishes until the test ends. */
export async function load(t: TestContext, relay: ServeProcess, topic: string): Promise<SocketClient[]> {
  const clients = await Promise.all(Array.from({ length: 10 }, () => SocketClient.open(t, relay.url(topic))));
  const publishing = setInterval(() => clients[0]?.socket.send('tick'), 10);
  t.after(() => clearInterval(publishing));
  return clients;
}

/** The number beside a figure's title, once it matches. */
export function figure(page: Page, title: string, pattern: RegExp): Promise<void> {
  return page.locator('figure', { hasText: title }).locator('output', { hasText: pattern }).first().waitFor();
}

export async function joinTopic(page: Page, pane: 'a' | 'b', topic: string, mode: 'raw' | 'fanwire.v1'): Promise<void> {
  const root = page.locator(`#pane-${pane}`);
  await root.locator('[name=topic]').fill(topic);
  await root.locator('[name=mode]').selectOption(mode);
  await root.locator('[name=join]').click();
  await root.locator('.link.good').waitFor();
}

export async function send(page: Page, pane: 'a' | 'b', text: string, kind = 'text'): Promise<void> {
  const root = page.locator(`#pane-${pane}`);
  await root.locator('[name=kind]').selectOption(kind);
  await root.locator('[name=text]').fill(text);
  await root.locator('[name=send]').click();
}

export function received(page: Page, pane: 'a' | 'b', text: string): Promise<void> {
  return page.locator(`#pane-${pane} li.in`, { hasText: text }).first().waitFor();
}
