// What may be published: bytes of every kind, and JSON values that arrive unchanged. A value that JSON would silently
// change is refused.
import { toBase64 } from './base64.js';
import { fault, wordsOf } from './fault.js';

/** What publish() cannot send. The type checker reports it at the top level only, publish() itself at every level. */
export type Unpublishable =
  | undefined
  | bigint
  | symbol
  | ((...given: never[]) => unknown)
  | ReadonlyMap<unknown, unknown>
  | ReadonlySet<unknown>
  | PromiseLike<unknown>;

/** A `pub` as text. @throws FanwireError FANWIRE_CLIENT_DATA for what JSON cannot carry */
export function pubText(topic: string, data: unknown, key?: string): string {
  try {
    const bytes = bytesOf(data);
    const head = JSON.stringify({ op: 'pub', topic, key, encoding: bytes && 'base64' }).slice(0, -1);
    // Stringified inside an array, so that JSON.stringify does not leave out an unsupported value in silence.
    return `${head},"data":${JSON.stringify([bytes ? toBase64(bytes) : data], carried).slice(1, -1)}}`;
  } catch (error) {
    throw fault('DATA', wordsOf(error));
  }
}

/** `Object`, `Array`, `Null`, `Uint8Array`, … */
export const kindOf = (value: unknown): string => ({}).toString.call(value).slice(8, -1);

function bytesOf(data: unknown): Uint8Array | undefined {
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  // By name: `instanceof` fails for an ArrayBuffer of another realm (an iframe, a vm context).
  return kindOf(data).endsWith('ArrayBuffer') ? new Uint8Array(data as ArrayBuffer) : undefined;
}

/** JSON.stringify's replacer: refuses values that would arrive changed. An undefined field is left out, as
 *  everywhere in JavaScript. */
function carried(this: unknown, key: string, value: unknown): unknown {
  const kind = kindOf(value);
  const isMissing = value === undefined && !Array.isArray(this);
  if (isMissing || Number.isFinite(value) || /^(Object|Array|String|Boolean|Null)$/.test(kind)) return value;
  throw new TypeError(`JSON has no ${kind}: ${key}`);
}
