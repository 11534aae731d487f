// A real nats-server on a free port, which a test kills, freezes and starts again on the same port.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { twoFreePorts } from '../../bench/system/free-port.js';
import { isRunning, signalChild } from '../../bench/system/signal-child.js';
import { pathOf } from './needs.js';

function isStopped(pid: string): boolean {
  if (process.platform === 'linux') return / T /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  return execFileSync('ps', ['-o', 'state=', '-p', pid]).toString().startsWith('T');
}

export class NatsServer {
  private process: ChildProcess | undefined;

  private constructor(
    readonly port: number,
    private readonly monitorPort: number,
    private readonly args: readonly string[],
  ) {}

  /** Starts `nats-server …args`; the test's end kills it. */
  static async start(t: TestContext, args: readonly string[] = []): Promise<NatsServer> {
    const server = new NatsServer(...(await twoFreePorts()), args);
    t.after(() => signalChild(server.process, 'SIGKILL'));
    await server.start();
    return server;
  }

  /** One that keeps streams, in a folder of the test's own. */
  static async startJetStream(t: TestContext): Promise<NatsServer> {
    const folder = mkdtempSync(join(tmpdir(), 'fanwire-jetstream-'));
    const server = await NatsServer.start(t, ['-js', '-sd', folder]);
    t.after(async () => {
      await server.kill(); // it writes to the end
      rmSync(folder, { recursive: true });
    });
    return server;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    const ports = ['-a', '127.0.0.1', '-p', String(this.port), '-m', String(this.monitorPort)];
    const child = spawn(pathOf('nats-server'), [...ports, ...this.args], { stdio: ['ignore', 'ignore', 'pipe'] });
    this.process = child;
    let log = '';
    child.stderr.on('data', (chunk) => {
      log += chunk;
    });
    await Promise.race([
      this.answers(),
      once(child, 'error').then(([error]) => {
        throw new Error(`nats-server does not start: ${error}`);
      }),
      once(child, 'exit').then(() => {
        throw new Error(`nats-server ended:\n${log}`);
      }),
    ]);
  }

  async kill(): Promise<void> {
    const { process } = this;
    if (process === undefined || !isRunning(process)) return;
    const ended = once(process, 'exit');
    signalChild(process, 'SIGKILL');
    await ended;
  }

  /** Resolves once the server stands still. */
  async freeze(): Promise<void> {
    const pid = String(this.process?.pid);
    signalChild(this.process, 'SIGSTOP');
    while (!isStopped(pid)) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  thaw(): void {
    signalChild(this.process, 'SIGCONT');
  }

  /** Resolves once the server has `count` subscriptions to subjects of a topic. */
  async subscribed(topicSubject: string, count: number): Promise<void> {
    for (;;) {
      const { connections } = (await this.ask('/connz?subs=1&limit=100000')) as {
        connections: { subscriptions_list?: string[] }[];
      };
      const found = connections.filter(({ subscriptions_list: subjects }) => subjects?.includes(topicSubject)).length;
      if (found === count) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async ask(path: string): Promise<unknown> {
    const response = await fetch(`http://127.0.0.1:${this.monitorPort}${path}`);
    return response.json();
  }

  private async answers(): Promise<void> {
    for (;;) {
      const socket = connect(this.port, '127.0.0.1');
      const isUp = await once(socket, 'data').then(
        () => true,
        () => false,
      );
      socket.destroy();
      if (isUp) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}
