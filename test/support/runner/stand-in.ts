// Which module a test file gets in place of the one that it names.

/** Specifier → URL of the module that stands in for it. */
export type Instead = Readonly<Record<string, string>>;

/** The stand-in's URL; undefined where there is none, or where the stand-in itself asks for what it stands in for. */
export function standIn(instead: Instead, specifier: string, parentUrl: string | undefined): string | undefined {
  const url = Object.hasOwn(instead, specifier) ? instead[specifier] : undefined;
  return url === parentUrl ? undefined : url;
}
