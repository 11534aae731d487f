// fanwire itself as a process: the command that runs it on ports of the kernel's choice, and where it says it listens.

import { fileURLToPath } from 'node:url';

/** The built `fanwire` of this checkout. */
export const OWN_CLI = fileURLToPath(new URL('../../src/cli.js', import.meta.url));

/** `fanwire serve` as a program that measures it starts it; of two equal flags the later one holds. */
export function serveCommand(flags: readonly string[], cli = OWN_CLI): string[] {
  const free = ['--port', '0', '--admin-port', '0', '--drain-ms', '0', '--log-format', 'json'];
  return [process.execPath, cli, 'serve', ...free, ...flags];
}

/** In what a relay logs: its URL, and that of its admin listener, which it opens last. */
export const LISTENING = /"msg":"listening on (wss?:\/\/[^"]+)"/;
export const ADMIN_LISTENING = /"msg":"admin on (http:\/\/[^"]+)"/;

/** The URL that `output` names; undefined while it does not. */
export function urlIn(output: string, pattern = LISTENING): string | undefined {
  return pattern.exec(output)?.[1];
}

export function portOf(url: string): number {
  return Number(new URL(url).port);
}
