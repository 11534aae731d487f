// Covers secrets in what somebody else's program wrote, and in what a command line was given. GitHub masks those that
// it knows in logs, and in logs only: comments, artifacts and pages show what they are given.

const COVERED = '***';

/** Variables whose values are secrets, by their names. */
const SECRET_VARIABLE = /TOKEN|SECRET|PASSW|PASSPHRASE|CREDENTIAL|PRIVATE|API_?KEY|_KEY$|_DSN$|_PAT$/i;
/** Shorter values stand in many lines by chance. */
const SHORTEST = 6;

/** What secrets look like; the first group stays. */
const FORMS: readonly RegExp[] = [
  // The password of a URL, or the key in its place.
  /([a-z][\w+.-]*:\/\/[^\s:/@]*:)[^\s@/]+(?=@)/gi,
  /([a-z][\w+.-]*:\/\/)[^\s:/@"']{16,}(?=@)/gi,
  // Headers on a command line, whatever their name.
  /(--header[ =]"[\w-]+:\s*)[^"]+/g,
  /(--header[ =]'[\w-]+:\s*)[^']+/g,
  /(--header[ =][\w-]+:)[^\s"']+/g,
  // Variables and flags of a command line whose names say it; a variable in place of the value tells nothing.
  /(\b(?:\w*(?:TOKEN|SECRET|PASSW(?:OR)?D|PASSPHRASE|CREDENTIALS?|PRIVATE|API_?KEY)\w*|\w+_(?:KEY|DSN|PAT))=["']?)(?!\$)[^\s"'&,;]{3,}/g,
  /(--[\w-]*(?:token|secret|passw(?:or)?d|passphrase|credentials?|(?:api|private|auth|access)-?key)[\w-]*(?:=| +)["']?)(?![$-])[^\s"']{3,}/gi,
  /(\b(?:bearer|basic) )[\w.+/=~-]{6,}/gi,
  /((?:passw(?:or)?d|passphrase|secret|api[-_ ]?key|private[-_ ]?key)["']?\s*[=:]\s*["']?)(?!\$)[^\s"'&,;]{3,}/gi,
  // "Unexpected token: x" names none.
  /(token(?:["']?=["']?|["']\s*:\s*["']))(?!\$)[^\s"'&,;]{3,}/gi,
  // JSON Web Tokens, and tokens whose makers give them a name.
  /()\beyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]*/g,
  /()\b(?:gh[pousr]_|github_pat_|glpat-|npm_|sk-|xox[abprs]-|AKIA)[\w-]{12,}/g,
];

/** Values that the command line said are secret. */
const told = new Set<string>();

const NO_SECRET = /^(accept(-.*)?|content-type|host|origin|referer|user-agent|x-forwarded-.*)$/i;

/** Covers the values of `headers` from now on, wherever they turn up. */
export function keepHeadersSecret(headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) {
    if (NO_SECRET.test(name)) continue;
    // A server may say the token without its scheme.
    for (const part of [value, ...value.split(' ').slice(1)]) told.add(part);
  }
}

/** The words of a command line without the secrets in them, to be shown as a command to paste. */
export function shownArguments(args: readonly string[]): string[] {
  return args.map((arg, i) => {
    const [, flag = '', line] = /^(--header=)?(.*)$/s.exec(arg) as unknown as [string, string | undefined, string];
    // A header that lacks its colon is covered from its first space on: its value is a secret all the same.
    if (flag !== '' || args[i - 1] === '--header')
      return flag + line.replace(/(:\s*).*$|(?<!:.*)\s.*$/s, `$1${COVERED}`);
    const url = /^((?:--[\w-]+=)?wss?:\/\/)(?:[^/@]*(@))?([^?]*)(\?.*)?$/s.exec(arg);
    if (url === null) return shownText(arg);
    const [, scheme, at, place, query] = url;
    return `${scheme}${at === undefined ? '' : `${COVERED}@`}${place}${query === undefined ? '' : `?${COVERED}`}`;
  });
}

/** `text` as reports and messages show it. */
export function shownText(text: string): string {
  return withoutSecrets(text, process.env);
}

/** `text` with "***" for what looks like a secret, or is the value of a variable of `env` that is named like one. */
export function withoutSecrets(text: string, env: NodeJS.ProcessEnv): string {
  const values = Object.entries(env).flatMap(([name, value = '']) =>
    SECRET_VARIABLE.test(name) && value.length >= SHORTEST ? [value] : [],
  );
  // The longest first: one may be the start of another.
  const known = [...values, ...[...told].filter(({ length }) => length >= SHORTEST)]
    .sort((a, b) => b.length - a.length)
    .reduce((rest, value) => rest.replaceAll(value, COVERED), text);
  return FORMS.reduce((rest, form) => rest.replace(form, `$1${COVERED}`), known);
}
