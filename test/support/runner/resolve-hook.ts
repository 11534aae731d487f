// For Node before 22.15, whose module hooks run in a thread of their own: test files get the modules of limits.ts
// instead of those that they name.

import { type Instead, standIn } from './stand-in.js';

let instead: Instead = {};

export function initialize(given: Instead): void {
  instead = given;
}

type Resolved = { readonly url: string; readonly format?: string };

export async function resolve(
  specifier: string,
  context: { readonly parentURL?: string },
  next: (specifier: string, context: object) => Promise<Resolved>,
): Promise<Resolved> {
  return next(standIn(instead, specifier, context.parentURL) ?? specifier, context);
}
