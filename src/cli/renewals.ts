// Files that are replaced while a relay runs: its certificate and key, and what signs it in at NATS. They are read
// again when they change and on SIGHUP. One that cannot be used changes nothing but the log.
import type { Logger } from '../base/log.js';
import { watchFiles } from '../base/watch-files.js';
import type { NatsFiles } from '../bus/nats-files.js';
import type { ServedCertificate } from '../config/served-certificate.js';

/** Files that belong together. */
export interface FileGroup {
  /** For the log. */
  readonly what: string;
  readonly paths: readonly string[];
  /** Reads them again; what the log says of the new ones, undefined where nothing has changed. Throws where they cannot
   *  be used. */
  renew(): Promise<object | undefined>;
}

export class Renewals {
  private readonly ends: readonly (() => void)[];
  private busy: Promise<void> = Promise.resolve();

  constructor(
    private readonly parts: readonly FileGroup[],
    private readonly log: Logger,
  ) {
    this.ends = parts.map((part) => watchFiles(part.paths, () => void this.check([part])));
  }

  /** Reads all files again, or those of some parts. Resolves when what is new is in use. */
  check(parts = this.parts): Promise<void> {
    this.busy = this.busy.then(async () => {
      for (const part of parts) await this.renew(part);
    });
    return this.busy;
  }

  stop(): void {
    for (const end of this.ends) end();
  }

  private async renew({ what, renew }: FileGroup): Promise<void> {
    try {
      const facts = await renew();
      if (facts === undefined) this.log.info(`${what} read again: as before`);
      else this.log.info(facts, `${what} renewed`);
    } catch (error) {
      this.log.error({ reason: (error as Error).message }, `${what} not renewed; the one before holds`);
    }
  }
}

/** @param use hands newcomers the certificate that the files hold */
export function certificatePart(certificate: ServedCertificate, use: () => void | Promise<void>): FileGroup {
  return {
    what: 'certificate',
    paths: certificate.paths,
    renew: async () => {
      const read = certificate.changed();
      if (read === undefined) return undefined;
      await use();
      certificate.hold(read);
      return certificate.facts;
    },
  };
}

/** The connection to NATS stays; the next one uses what is new. */
export function natsPart(files: NatsFiles): FileGroup {
  return { what: 'files of --cluster', paths: files.paths, renew: async () => (files.renew() ? {} : undefined) };
}
