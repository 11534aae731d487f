// What test files get for `node:test`: the same, with a limit in time for every test and hook that sets none.

import nodeTest from 'node:test';
import { lacking } from '../needs.js';
import { begun, ended } from './watchdog.js';

export const { describe, mock, only, run, skip, suite, todo } = nodeTest;

/** For a test that names none. Those that need longer say so where they stand. */
const LIMIT_MS = 180_000;

type Body = (this: unknown, ...args: unknown[]) => unknown;
type Options = { timeout?: number; skip?: boolean | string; todo?: boolean | string };
type Declare = (...args: unknown[]) => unknown;
type Context = { signal?: AbortSignal; test?: Declare; skip?: (reason: string) => void };

/** `declare` as it is, given a body that is watched and a limit. A suite keeps its own time: its tests have theirs. */
function limited(declare: Declare): Declare {
  return (...args) => {
    const name = typeof args[0] === 'string' ? args[0] : undefined;
    const options = (args.find((one) => typeof one === 'object' && one !== null) ?? {}) as Options;
    const body = args.find((one) => typeof one === 'function') as Body | undefined;
    const timeout = options.timeout ?? LIMIT_MS;
    const rest = body === undefined ? [] : [watched(name ?? body.name, timeout, body)];
    return declare(...(name === undefined ? [] : [name]), { ...options, timeout }, ...rest);
  };
}

/** node:test aborts the signal of a test whose time is over: then it has failed, and is watched no longer. A test
 *  that could not start a program which is not installed is left out, whether or not it said before that it
 *  needs it. */
function watched(name: string, timeoutMs: number, body: Body): Body {
  return async function (this: unknown, given: unknown) {
    const id = begun(name, timeoutMs);
    const context = (given ?? {}) as Context;
    context.signal?.addEventListener('abort', () => ended(id), { once: true });
    if (context.test !== undefined) context.test = limited(context.test.bind(context));
    try {
      await body.call(this, given);
    } catch (error) {
      const reason = lacking(error);
      if (reason === undefined || context.skip === undefined) throw error;
      context.skip(reason);
    } finally {
      ended(id);
    }
  };
}

const plain = nodeTest as unknown as Declare & Record<'only' | 'skip' | 'todo', Declare>;
const wrapped = Object.assign(limited(plain), {
  skip: plain.skip,
  todo: plain.todo,
  only: limited(plain.only),
  mock: nodeTest.mock,
});

export { wrapped as default, wrapped as it, wrapped as test };
export const before = limitedHook(nodeTest.before as unknown as Declare);
export const after = limitedHook(nodeTest.after as unknown as Declare);
export const beforeEach = limitedHook(nodeTest.beforeEach as unknown as Declare);
export const afterEach = limitedHook(nodeTest.afterEach as unknown as Declare);

function limitedHook(declare: Declare): Declare {
  return (body, options) => declare(body, { timeout: LIMIT_MS, ...(options as Options | undefined) });
}
