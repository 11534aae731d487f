// For Node before 22.15, whose module hooks run in a thread of their own: test files get limited-test.js for
// `node:test`.

let limited = '';

export function initialize(url: string): void {
  limited = url;
}

type Resolved = { readonly url: string; readonly format?: string };

export async function resolve(
  specifier: string,
  context: { readonly parentURL?: string },
  next: (specifier: string, context: object) => Promise<Resolved>,
): Promise<Resolved> {
  return next(specifier === 'node:test' && context.parentURL !== limited ? limited : specifier, context);
}
