// What relays tell each other about a topic's members. Versions before 0.2 send one join or leave at a time; both forms
// are read.
import type { Member } from '../../protocol/ops.js';

/** Members in one message, so that it stays far below NATS's size limit. */
const MEMBERS_A_MESSAGE = 250;

export interface News {
  readonly join?: readonly Member[];
  readonly leave?: readonly Member[];
  /** All members of the relay whose ids begin with `origin`: it has no others. */
  readonly all?: readonly Member[];
  readonly origin?: string;
}

export function writeNews(topic: string, { join = [], leave = [], all, origin }: News): Uint8Array[] {
  if (all !== undefined) return [encode(topic, { all, origin: origin ?? '' })];
  return [
    ...chunks(join).map((some) => encode(topic, { join: some })),
    ...chunks(leave).map((some) => encode(topic, { leave: some })),
  ];
}

/** Undefined for what no relay writes. */
export function readNews(message: Uint8Array): News | undefined {
  const said = JSON.parse(Buffer.from(message.buffer, message.byteOffset, message.byteLength).toString());
  switch (said?.op) {
    case 'join':
      return isMember(said.member) ? { join: [said.member] } : undefined;
    case 'leave':
      return isMember(said.member) ? { leave: [said.member] } : undefined;
    case 'presence':
      return {
        ...members('join', said.join),
        ...members('leave', said.leave),
        ...members('all', said.all),
        ...origin(said),
      };
    default:
      return undefined;
  }
}

function encode(topic: string, news: News): Uint8Array {
  return Buffer.from(JSON.stringify({ op: 'presence', topic, ...news }));
}

function chunks(members: readonly Member[]): (readonly Member[])[] {
  const all: (readonly Member[])[] = [];
  for (let from = 0; from < members.length; from += MEMBERS_A_MESSAGE)
    all.push(members.slice(from, from + MEMBERS_A_MESSAGE));
  return all;
}

function members(name: 'join' | 'leave' | 'all', value: unknown): News {
  return Array.isArray(value) ? { [name]: value.filter(isMember) } : {};
}

function origin({ origin: value }: { readonly origin?: unknown }): News {
  return typeof value === 'string' ? { origin: value } : {};
}

function isMember(value: unknown): value is Member {
  const { id, user } = (value ?? {}) as { readonly id?: unknown; readonly user?: unknown };
  return typeof id === 'string' && (user === undefined || typeof user === 'string');
}
