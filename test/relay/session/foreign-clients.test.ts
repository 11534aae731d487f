// Clients that are not ours: Node's own WebSocket (undici) and Debian's python3-websockets.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import test, { type TestContext } from 'node:test';
import { signalChild } from '../../../bench/system/signal-child.js';
import { serve } from '../../support/fanwire-process.js';
import { SocketClient } from '../../support/socket-client.js';

/** Runs a client that echoes each text as `<prefix>:<text>` and each binary reversed, and ends when told `bye`. */
function echoing(t: TestContext, command: string, args: string[]): Promise<void> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => signalChild(child, 'SIGKILL'));
  return new Promise((resolve, reject) => {
    child.stdout.once('data', () => resolve());
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`${command} ended with ${code} before it was ready`)));
  });
}

async function converse(t: TestContext, url: string): Promise<void> {
  const client = await SocketClient.open(t, url);
  client.socket.send('grüße');
  client.socket.send(Buffer.from([1, 2, 255]));
  client.socket.send('x'.repeat(65_000));
  await client.count(3);
  assert.deepEqual(client.received[0], { payload: Buffer.from('echo:grüße'), isBinary: false });
  assert.deepEqual(client.received[1], { payload: Buffer.from([255, 2, 1]), isBinary: true });
  assert.equal(client.received[2]?.payload.length, 65_005);
}

const nodeClient = `
const ws = new WebSocket(process.argv[1]);
ws.binaryType = 'arraybuffer';
ws.onopen = () => console.log('ready');
ws.onmessage = ({ data }) =>
  ws.send(typeof data === 'string' ? 'echo:' + data : new Uint8Array(data).reverse());
`;

test("Node's own WebSocket relays both ways", async (t) => {
  const relay = await serve(t, ['--max-payload', '128k']);
  // Node 20 has it behind a flag, 22 and later without.
  const flags = typeof WebSocket === 'undefined' ? ['--experimental-websocket', '--no-warnings'] : [];
  await echoing(t, process.execPath, [...flags, '--input-type=module', '-e', nodeClient, relay.url('node')]);
  await converse(t, relay.url('node'));
});

const pythonClient = `
import asyncio, sys, websockets
async def main():
    async with websockets.connect(sys.argv[1], max_size=None) as ws:
        print('ready', flush=True)
        async for m in ws:
            await ws.send('echo:' + m if isinstance(m, str) else m[::-1])
asyncio.run(main())
`;

const python = '/usr/bin/python3';
const missing = existsSync('/usr/lib/python3/dist-packages/websockets')
  ? false
  : 'python3-websockets is not installed: apt-get install python3-websockets';

test("Debian's python3-websockets relays both ways", { skip: missing }, async (t) => {
  const relay = await serve(t, ['--max-payload', '128k']);
  await echoing(t, python, ['-c', pythonClient, relay.url('python')]);
  await converse(t, relay.url('python'));
});
