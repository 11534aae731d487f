// What runs: a node, its admin listener where it has one, and the files that are read again.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../base/log.js';
import type { NatsFiles } from '../bus/nats-files.js';
import type { RelayConfig } from '../config/schema.js';
import type { ServedCertificate } from '../config/served-certificate.js';
import { type HttpConnections, isOnlyIdleLeft, onlyIdleLeft } from '../relay/exit/lingering.js';
import type { Inspection } from '../relay/watch/inspection.js';
import { certificatePart, type FileGroup, natsPart, Renewals } from './renewals.js';

/** A relay, or several of them as worker threads. */
export interface Node {
  /** Where clients connect: the port it got, where any free one was asked for. */
  readonly port: number;
  /** Fans a message out as HTTP publishes are. Resolves with how many subscribers of this process it went to. */
  publish(topic: string, message: Uint8Array, isBinary: boolean): Promise<number>;
  /** Reads tokens and keys again. */
  reload(): Promise<void>;
  /** Newcomers get the certificate that the files now hold. Throws where it cannot be used. */
  renewCertificate(): void | Promise<void>;
  /** From now on /readyz says 503; newcomers are taken for another --drain-delay-ms. Then every socket is closed with
   *  1012, spread over `overMs`, by default --drain-ms. Resolves when the last was told. */
  drain(overMs?: number): Promise<void>;
  httpConnections(): Promise<HttpConnections>;
  /** Closes what is left, which is nothing but idle HTTP connections. */
  closeIdle(): void | Promise<void>;
  /** Cuts what is left. The process may exit once this has resolved. */
  close(): void | Promise<void>;
}

/** A node that runs. `reload` reads certificates again as well. */
export interface Running extends Pick<Node, 'port' | 'publish' | 'reload' | 'drain' | 'close'> {
  /** Undefined without an admin listener. */
  readonly adminPort: number | undefined;
  readonly inspection: Inspection;
  /** After a drain: resolves when the clients have closed their side and requests are answered, at the latest after
   *  `limitMs`. */
  settled(limitMs: number): Promise<void>;
}

/** What a node reads again while it runs. */
export interface Renewed {
  readonly certificate: ServedCertificate | undefined;
  readonly files: NatsFiles | undefined;
}

const ASK_MS = 10;
/** How long clients may take where the kernel does not say when they have gone. */
const BLIND_MS = 200;

/** Files that `node` reads again while it runs. */
export function partsOf(node: Node, { certificate, files }: Renewed): FileGroup[] {
  return [
    ...(certificate === undefined ? [] : [certificatePart(certificate, () => node.renewCertificate())]),
    ...(files === undefined || files.paths.length === 0 ? [] : [natsPart(files)]),
  ];
}

/** Adds the admin listener to what runs. It answers until the drain is over: /readyz says meanwhile why nobody should
 *  come. */
export async function withAdmin(
  node: Node,
  inspection: Inspection,
  config: RelayConfig,
  log: Logger,
  renewed: Renewed = { certificate: undefined, files: undefined },
): Promise<Running> {
  const { startAdmin } = await import('../http/admin/admin.js');
  try {
    const admin = await startAdmin(config, inspection, log, renewed.certificate);
    return running(node, inspection, new Renewals(partsOf(node, renewed), log), admin);
  } catch (error) {
    await node.close();
    throw error;
  }
}

export function running(
  node: Node,
  inspection: Inspection,
  renewals: Renewals,
  admin: { readonly port: number; close(): void } | undefined,
): Running {
  let isClosed = false;
  return {
    port: node.port,
    adminPort: admin?.port,
    inspection,
    publish: (topic, message, isBinary) => node.publish(topic, message, isBinary),
    reload: async () => {
      await node.reload();
      await renewals.check();
    },
    drain: async (overMs) => {
      renewals.stop();
      await node.drain(overMs);
      admin?.close();
      void onlyIdleLeft(
        node.port,
        () => node.httpConnections(),
        () => isClosed,
      ).then(() => node.closeIdle());
    },
    settled: async (limitMs) => {
      const startedAt = performance.now();
      for (;;) {
        const elapsedMs = performance.now() - startedAt;
        const isLeft = await isOnlyIdleLeft(node.port, await node.httpConnections());
        if (isLeft === true || elapsedMs >= (isLeft === undefined ? Math.min(BLIND_MS, limitMs) : limitMs)) return;
        await sleep(ASK_MS);
      }
    },
    close: () => {
      isClosed = true;
      renewals.stop();
      admin?.close();
      return node.close();
    },
  };
}
