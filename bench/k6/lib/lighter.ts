// The command to suggest after a run that k6 could not keep up with: the same one with half the load.

/** The settings that are read here. */
export interface Load {
  readonly scenario: string;
  readonly steady: number;
  readonly churners: number;
  readonly topics: number;
  readonly rate: number;
  readonly stages: readonly unknown[];
  /** As written in the environment. */
  readonly given: { readonly [name: string]: string };
}

const FEW_SUBSCRIBERS = 40;

/** The folder of the scenario scripts. */
const FOLDER = import.meta.resolve('../').replace(/^file:\/\//, '');

export function lighterCommand({ scenario, steady, churners, topics, rate, stages, given }: Load): string {
  const subscribers = steady + churners;
  const half = (value: number) => Math.max(1, Math.round(value / 2));
  const lighter: { [name: string]: string } =
    subscribers > Math.max(FEW_SUBSCRIBERS, topics) || stages.length > 0
      ? { SUBSCRIBERS: String(Math.max(topics, half(subscribers))) }
      : { RATE: String(half(rate)) };
  // A query may hold a token, which must not get into a log.
  const url: { [name: string]: string } = /[?@]/.test(given.URL ?? '') ? { URL: '$URL' } : {};
  const settings = Object.entries({ ...given, ...url, ...lighter }).map(
    ([name, value]) => ` -e ${name}=${quoted(value)}`,
  );
  return `k6 run ${quoted(`${FOLDER}${scenario}.ts`)}${settings.join('')}`;
}

function quoted(text: string): string {
  if (text === '$URL') return '"$URL"';
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
