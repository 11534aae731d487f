// The guide's chat in Chromium: two pages hear each other, count each other, and live through a relay that restarts.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname } from 'node:path';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { launchChromium, noChromium } from '../support/chromium.js';
import { CuttingProxy } from '../support/cutting-proxy.js';
import { serve } from '../support/fanwire-process.js';

const skip = noChromium;
const ROOT = new URL('../../../', import.meta.url);
const TYPES: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript' };

async function say(page: Page, name: string, text: string): Promise<void> {
  await page.fill('#name', name);
  await page.fill('#text', text);
  await page.click('button');
}

test('two browsers chat, see who is here, miss nothing while offline, and say what a dead relay took with it', {
  skip,
}, async (t) => {
  const args = ['--history', 'chat=200,1h,1m', '--presence', 'chat'];
  let relay = await serve(t, args);
  const proxy = await CuttingProxy.start(t, () => relay.port);
  const files = createServer(({ url = '/' }, response) => {
    const { pathname } = new URL(url, 'http://localhost');
    const type = TYPES[extname(pathname)]; // a browser asks for /favicon.ico too
    response.writeHead(type ? 200 : 404, { 'Content-Type': type ?? 'text/plain' });
    response.end(type && readFileSync(new URL(`.${pathname}`, ROOT)));
  });
  await new Promise<void>((listening) => files.listen(0, '127.0.0.1', listening));
  const browser = await launchChromium();
  t.after(async () => {
    await browser.close();
    files.close();
  });
  const address = `http://127.0.0.1:${(files.address() as AddressInfo).port}/examples/chat.html?relay=ws://127.0.0.1:${proxy.port}`;
  const open = async (): Promise<Page> => {
    const page = await (await browser.newContext({ viewport: { width: 400, height: 500 } })).newPage();
    page.on('pageerror', (error) => assert.fail(error));
    await page.goto(address);
    await page.getByText('open', { exact: true }).waitFor();
    return page;
  };
  const ann = await open();
  const bob = await open();
  await ann.getByText('2 here').waitFor();
  await bob.getByText('2 here').waitFor();
  await say(ann, 'ann', 'hello from the first machine');
  await bob.getByText('ann: hello from the first machine').waitFor();
  await say(bob, 'bob', '<b>not markup</b>');
  await ann.getByText('bob: <b>not markup</b>').waitFor();

  proxy.cutAll();
  await say(ann, 'ann', 'while nobody was connected');
  await bob.getByText('ann: while nobody was connected').waitFor();
  assert.equal(await bob.getByText('ann: while').count(), 1);
  assert.equal(await bob.getByText('are missing').count(), 0);
  if (process.env.SCREENSHOT) await bob.screenshot({ path: process.env.SCREENSHOT });

  relay.child.kill('SIGKILL');
  await relay.exited;
  await say(ann, 'ann', 'said to a dead relay');
  relay = await serve(t, args);
  for (const page of [ann, bob]) await page.getByText('some messages are missing (epoch-changed)').waitFor();
  await say(bob, 'bob', 'back again');
  await ann.getByText('bob: back again').waitFor();
});
