// fanwire itself as a process: the command that runs it on ports that the kernel chooses, and the URLs in its log.

import { fileURLToPath } from 'node:url';

/** The built `fanwire` of this checkout. */
export const OWN_CLI = fileURLToPath(new URL('../../src/cli.js', import.meta.url));

/** The command line of `fanwire serve` for benchmarks. `flags` win over the defaults here, because the later of two
 *  equal flags counts. */
export function serveCommand(flags: readonly string[], cli = OWN_CLI): string[] {
  const free = ['--port', '0', '--admin-port', '0', '--drain-ms', '0', '--log-format', 'json'];
  return [process.execPath, cli, 'serve', ...free, ...flags];
}

/** What `flags` give `flag`, such as "--deliver": the word behind it, or the text behind its "=". */
export function valuesOf(flags: readonly string[], flag: string): string[] {
  return flags.flatMap((one, i) => {
    if (one.startsWith(`${flag}=`)) return [one.slice(flag.length + 1)];
    return flags[i - 1] === flag ? [one] : [];
  });
}

/** The log lines with a relay's URL and with that of its admin listener, which it opens last. */
export const LISTENING = /"msg":"listening on (wss?:\/\/[^"]+)"/;
export const ADMIN_LISTENING = /"msg":"admin on (http:\/\/[^"]+)"/;

/** The URL in `output`; undefined while there is none. */
export function urlIn(output: string, pattern = LISTENING): string | undefined {
  return pattern.exec(output)?.[1];
}

export function portOf(url: string): number {
  return Number(new URL(url).port);
}
