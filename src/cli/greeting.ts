// The first lines of `fanwire serve` for a person at a terminal: where clients connect, the live page, and a command to
// try.
import { networkInterfaces } from 'node:os';
import { basename } from 'node:path';
import type { RelayConfig } from '../config/schema.js';
import { urlOf } from '../relay/listening.js';

type Greeted = Pick<RelayConfig, 'host' | 'adminHost' | 'tlsCert' | 'auth' | 'adminToken'>;

interface Ports {
  readonly port: number;
  readonly adminPort: number | undefined;
}

/** @param bold marks what is looked for; the identity where the terminal has no colours */
export function greeting(config: Greeted, ports: Ports, version: string, bold: (text: string) => string): string {
  const scheme = config.tlsCert === '' ? 'ws' : 'wss';
  const clients = urlOf(scheme, reachable(config.host), ports.port);
  const page = urlOf('http', reachable(config.adminHost), ports.adminPort ?? 0);
  const token = config.auth === 'none' ? '' : ` -H 'Authorization: Bearer …'`;
  const command = commandName();
  const lines = [
    `fanwire ${version}`,
    '',
    `  clients    ${bold(`${clients}/<topic>`)}${isAny(config.host) ? '   (all interfaces)' : ''}`,
    `  live page  ${bold(`${page}/`)}${config.adminToken === '' ? '' : '   (asks for the --admin-token)'}`,
    `  try it     ${command} sub ${clients}/news${token}`,
    `             ${command} pub ${clients}/news 'hello'${token}`,
    '',
    '  Ctrl+C ends it. --log-level debug says more here, --help lists the options.',
    '',
  ];
  return `\n${lines.join('\n')}\n`;
}

function isAny(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

/** An address that a client can use: of all interfaces the first that others can reach. */
function reachable(host: string): string {
  if (!isAny(host)) return host;
  const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  return addresses.find(({ internal, family }) => !internal && family === 'IPv4')?.address ?? '127.0.0.1';
}

/** As the person started it: installed, it is a command of its own; in a clone npx finds it. */
function commandName(): string {
  const started = process.argv[1] ?? '';
  const isInstalled = basename(started) === 'fanwire' && process.env.npm_execpath === undefined;
  return isInstalled ? 'fanwire' : 'npx fanwire';
}
