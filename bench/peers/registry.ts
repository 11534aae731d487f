// Every peer: how it is found, started and named, and what it can do. What is not here says why and how to get it.

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FanwireError } from '../../src/base/error.js';
import type { TargetDialect } from '../targets/target.js';
import { BUN_INSTALL, findBun } from './bun-binary.js';
import { compile, installedVersion, toolVersion } from './toolchain.js';

export interface Peer {
  readonly name: string;
  /** One line: what it is and which of its documented ways to broadcast it uses. */
  readonly summary: string;
  readonly dialect: TargetDialect;
  /** Whether the URL's path is a topic of its own; otherwise all its connections share one. */
  readonly topics: boolean;
  /** Whether a publisher is left out of what it sends. */
  readonly leavesSenderOut: boolean;
  /** Looks for it on this machine, once; that may compile it. */
  find(): Availability;
}

export type Availability =
  | { readonly present: false; readonly reason: string }
  | {
      readonly present: true;
      readonly version: string;
      /** The command line that listens on 127.0.0.1:`port`; `folder` is its own to write in. */
      command(port: number, folder: string): readonly string[];
    };

/** Sources of the peers: not compiled, so beside the TypeScript of this file, three levels up from dist/bench/peers. */
const SOURCES = fileURLToPath(new URL('../../../bench/peers/', import.meta.url));

const NGINX_MODULES = ['/usr/lib/nginx/modules', '/usr/share/nginx/modules', '/usr/lib64/nginx/modules'];
const GO_PATHS = [process.env.GOPATH ?? join(homedir(), 'go'), '/usr/share/gocode'];

export const PEERS: readonly Peer[] = [
  {
    name: 'ws',
    summary: 'Node: ws, its README’s broadcast over wss.clients',
    dialect: 'raw',
    topics: false,
    leavesSenderOut: true,
    find: once(() => nodePeer('ws', 'ws.mjs')),
  },
  {
    name: 'socket.io',
    summary: 'Node: Socket.IO, socket.broadcast.emit',
    dialect: 'socket.io',
    topics: false,
    leavesSenderOut: true,
    find: once(() => nodePeer('socket.io', 'socketio.mjs')),
  },
  {
    name: 'uws',
    summary: 'Node: plain uWebSockets.js, ws.publish in the message handler',
    dialect: 'raw',
    topics: true,
    leavesSenderOut: true,
    find: once(() => nodePeer('uWebSockets.js', 'uws.mjs')),
  },
  {
    name: 'bun',
    summary: 'Bun: Bun.serve, ws.publish in the message handler',
    dialect: 'raw',
    topics: true,
    leavesSenderOut: true,
    find: once(bunPeer),
  },
  {
    name: 'nchan',
    summary: 'nginx: nchan_pubsub over WebSocket; a publisher hears itself, nchan cannot leave it out',
    dialect: 'raw',
    topics: true,
    leavesSenderOut: false,
    find: once(findNchan),
  },
  {
    name: 'gorilla',
    summary: 'Go: gorilla/websocket, the hub of its chat example with a PreparedMessage',
    dialect: 'raw',
    topics: false,
    leavesSenderOut: true,
    find: once(findGorilla),
  },
  {
    name: 'http-kit',
    summary: 'Clojure: http-kit, its documentation’s broadcast over a set of channels',
    dialect: 'raw',
    topics: false,
    leavesSenderOut: true,
    find: once(findHttpKit),
  },
  {
    name: 'limit',
    summary:
      'C++: a bare epoll loop, one send() a subscriber and wake-up: the bound of the kernel, not a server to use',
    dialect: 'raw',
    topics: true,
    leavesSenderOut: true,
    find: once(findLimit),
  },
];

/** @throws FanwireError FANWIRE_USAGE_PEER */
export function peerNamed(name: string): Peer {
  const peer = PEERS.find((candidate) => candidate.name === name);
  if (peer !== undefined) return peer;
  const known = PEERS.map((candidate) => candidate.name).join(', ');
  throw new FanwireError('FANWIRE_USAGE_PEER', `--peer must be one of ${known}, got ${name}`);
}

/** Every run of a peer asks again, but tools do not come and go while rounds are played. */
function once(find: () => Availability): () => Availability {
  let found: Availability | undefined;
  return () => {
    found ??= find();
    return found;
  };
}

function absent(reason: string): Availability {
  return { present: false, reason };
}

function nodePeer(packageName: string, source: string): Availability {
  const version = installedVersion(packageName);
  if (version === undefined) return absent(`${packageName} is not installed: npm install ${packageName}`);
  return { present: true, version, command: (port) => [process.execPath, join(SOURCES, source), String(port)] };
}

function bunPeer(): Availability {
  const bun = findBun();
  if (bun === undefined) return absent(`bun is not installed: ${BUN_INSTALL}`);
  return {
    present: true,
    version: bun.version,
    command: (port) => [bun.path, join(SOURCES, 'bun.mjs'), String(port)],
  };
}

function findNchan(): Availability {
  const nginx = ['/usr/sbin/nginx', 'nginx'].find(
    (binary) => toolVersion(binary, ['-v'], /nginx\/(\S+)/) !== undefined,
  );
  if (nginx === undefined) return absent('nginx is not installed: apt-get install nginx libnginx-mod-nchan');
  const module = NGINX_MODULES.map((folder) => join(folder, 'ngx_nchan_module.so')).find(existsSync);
  if (module === undefined) return absent('nginx is here, its nchan module is not: apt-get install libnginx-mod-nchan');
  const packaged = toolVersion('dpkg-query', ['-W', '-f', `\${Version}`, 'libnginx-mod-nchan'], /^(?:\d+:)?([\d.]+)/);
  const command = (port: number, folder: string) => {
    const settings: Record<string, string> = { module, folder, port: String(port) };
    const template = readFileSync(join(SOURCES, 'nchan.conf'), 'utf8');
    const file = join(folder, 'nchan.conf');
    mkdirSync(folder, { recursive: true });
    writeFileSync(
      file,
      template.replace(/\{\{(\w+)\}\}/g, (whole, name) => settings[name] ?? whole),
    );
    return [nginx, '-c', file, '-p', folder, '-e', 'stderr'];
  };
  return { present: true, version: packaged ?? '', command };
}

function findGorilla(): Availability {
  const go = toolVersion('go', ['version'], /go(\d\S*)/);
  if (go === undefined)
    return absent('Go is not installed: apt-get install golang-go golang-github-gorilla-websocket-dev');
  const path = GO_PATHS.find((folder) => existsSync(join(folder, 'src/github.com/gorilla/websocket')));
  if (path === undefined) {
    return absent('Go is here, gorilla/websocket is not: apt-get install golang-github-gorilla-websocket-dev');
  }
  const environment = { GO111MODULE: 'off', GOPATH: path };
  const built = compile(['gorilla.go'], SOURCES, (out) => ['go', 'build', '-o', out, 'gorilla.go'], environment);
  if (!built.ok) return absent(built.reason);
  return { present: true, version: `on Go ${go}`, command: (port) => [built.binary, String(port)] };
}

function findHttpKit(): Availability {
  const clojure = toolVersion('which', ['clojure'], /(\S+)/);
  if (clojure === undefined) return absent('Clojure is not installed: apt-get install clojure');
  const repository = join(homedir(), '.m2/repository/http-kit/http-kit');
  const newest = namesIn(repository).sort().at(-1);
  const local = newest === undefined ? undefined : join(repository, newest, `http-kit-${newest}.jar`);
  const jar = process.env.HTTPKIT_JAR ?? local;
  if (jar === undefined || !existsSync(jar)) {
    return absent(
      'Clojure is here, http-kit is not: put its jar in ~/.m2 (as Leiningen does) or name it in HTTPKIT_JAR',
    );
  }
  const version = /http-kit-(\d\S*)\.jar$/.exec(jar)?.[1] ?? '';
  return {
    present: true,
    version,
    command: (port) => [clojure, '-cp', jar, join(SOURCES, 'httpkit.clj'), String(port)],
  };
}

function findLimit(): Availability {
  if (process.platform !== 'linux') return absent('limit uses epoll, which only Linux has');
  const compiler = ['g++', 'clang++'].find((tool) => toolVersion(tool, ['--version'], /(.)/) !== undefined);
  if (compiler === undefined) return absent('no C++ compiler: apt-get install g++');
  const options = ['-O2', '-std=c++17'];
  const sources = ['limit.cpp', 'limit-handshake.h'];
  const built = compile(sources, SOURCES, (out) => [compiler, ...options, 'limit.cpp', '-o', out]);
  if (!built.ok) return absent(built.reason);
  return { present: true, version: '', command: (port) => [built.binary, String(port)] };
}

function namesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}
