// A check of what must be the same wherever clients come in: on one thread, on several, and on two nodes with a real
// NATS between them.
import type { TestContext } from 'node:test';
import { type ServeProcess, serve } from './fanwire-process.js';
import { NatsServer } from './nats-server.js';

/** `nodes` are the relays that clients come to; `another` starts one more of the cluster, or gives the only one. */
export type Check = (
  t: TestContext,
  nodes: readonly ServeProcess[],
  another: () => Promise<ServeProcess>,
) => Promise<void>;

/** @param nodeWorkers the threads of each of the two nodes, a cluster each */
export async function everywhere(
  t: TestContext,
  flags: readonly string[],
  check: Check,
  nodeWorkers: readonly number[] = [1],
): Promise<void> {
  const alone = async (t: TestContext, ...more: string[]): Promise<void> => {
    const node = await serve(t, [...flags, ...more]);
    await check(t, [node], async () => node);
  };
  await t.test('on one thread', (t) => alone(t));
  await t.test('on three threads', (t) => alone(t, '--workers', '3'));
  for (const workers of nodeWorkers) {
    await t.test(`on two nodes, ${workers} a node`, async (t) => {
      const nats = await NatsServer.startJetStream(t);
      const node = () => serve(t, [...flags, '--cluster', nats.url, '--workers', String(workers)]);
      await check(t, [await node(), await node()], node);
    });
  }
}

/** Clients come to the nodes in turn; with workers to whichever thread takes them. */
export function nodeAt(nodes: readonly ServeProcess[], n: number): ServeProcess {
  return nodes[n % nodes.length] as ServeProcess;
}
