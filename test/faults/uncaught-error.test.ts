// A bug in a handler: the relay says so and ends, so that whoever supervises it can start it again.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serve } from '../support/fanwire-process.js';
import { SocketClient } from '../support/socket-client.js';
import { record } from './reliability.js';

/** How the bug comes about. Each is triggered by a message of that text. */
const WAYS = {
  'an exception in a message handler': 'throw error',
  'an exception in an immediate': 'setImmediate(() => { throw error; })',
  'an exception in a timer': 'setTimeout(() => { throw error; }, 1)',
  'a promise nobody awaits': 'Promise.reject(error)',
  'something thrown that is no error': 'throw "not an error"',
};

/** A module that runs before the relay and puts `way` in front of its message handler. */
function preload(way: string): string {
  const uws = new URL('../../../node_modules/uWebSockets.js/uws.js', import.meta.url).pathname;
  const source = `
    import { createRequire } from 'node:module';
    const uws = createRequire(${JSON.stringify(uws)})(${JSON.stringify(uws)});
    const { App } = uws;
    uws.App = (...options) => {
      const app = App(...options);
      const { ws } = app;
      app.ws = (path, behavior) => ws.call(app, path, { ...behavior, message(socket, message, isBinary) {
        const error = new Error('injected');
        if (Buffer.from(message).toString() === 'fail') { ${way}; }
        behavior.message(socket, message, isBinary);
      } });
      return app;
    };`;
  return `--import=data:text/javascript,${encodeURIComponent(source)}`;
}

test('a bug in a handler ends the relay with a fatal line and exit code 1, however it comes about', async (t) => {
  for (const [name, way] of Object.entries(WAYS)) {
    await t.test(name, async (t) => {
      const relay = await serve(t, [], { NODE_OPTIONS: preload(way) });
      const client = await SocketClient.open(t, relay.url('any'));
      const other = await SocketClient.open(t, relay.url('any'));
      client.socket.send('fine');
      await other.count(1);
      client.socket.send('fail');
      assert.deepEqual(await relay.exited, { code: 1, signal: null });
      const fatal = JSON.parse(relay.stdout().trim().split('\n').at(-1) ?? '');
      assert.equal(fatal.level, 'fatal');
      assert.equal(fatal.err?.message ?? fatal.err, way.includes('not an error') ? 'not an error' : 'injected');
      assert.equal((await other.closed).code, 1006);
    });
  }
  const tried = Object.keys(WAYS).length;
  record(t, {
    fault: 'a bug in a handler (thrown in a message, an immediate, a timer; a rejected promise)',
    tried,
    survived: tried,
    lost: 0,
    held: 'each time the process ended with a fatal line that has the error, and exit code 1; never a silent hang',
  });
});

test('a relay that fails once more as it ends, ends all the same', async (t) => {
  const layer = new URL('../../src/relay/topic-layer.js', import.meta.url).href;
  const source = `
    const { TopicLayer } = await import(${JSON.stringify(layer)});
    TopicLayer.prototype.endWindows = () => { throw new Error('once more'); };
    process.on('SIGUSR2', () => { throw new Error('injected'); });`;
  const relay = await serve(t, [], { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(source)}` });
  relay.child.kill('SIGUSR2');
  assert.deepEqual(await relay.exited, { code: 1, signal: null });
  assert.match(relay.stdout(), /"fatal".*injected/);
  assert.match(relay.stdout(), /"message":"once more".*a part of the relay failed while it ended/);
});
