// Covers secrets in a line that somebody else's program wrote. GitHub masks those that it knows in logs, and in logs
// only: comments, artifacts and pages show what they are given.

const COVERED = '***';

/** Variables whose values are secrets, by their names. */
const SECRET_VARIABLE = /TOKEN|SECRET|PASSW|PASSPHRASE|CREDENTIAL|PRIVATE|API_?KEY|_KEY$|_DSN$|_PAT$/i;
/** Shorter values stand in many lines by chance. */
const SHORTEST = 6;

/** What secrets look like; the first group stays. */
const FORMS: readonly RegExp[] = [
  // The password of a URL.
  /([a-z][\w+.-]*:\/\/[^\s:/@]*:)[^\s@/]+(?=@)/gi,
  /(\b(?:bearer|basic) )[\w.+/=~-]{6,}/gi,
  /((?:passw(?:or)?d|passphrase|secret|api[-_ ]?key|private[-_ ]?key)["']?\s*[=:]\s*["']?)[^\s"'&,;]{3,}/gi,
  // "Unexpected token: x" names none.
  /(token(?:["']?=["']?|["']\s*:\s*["']))[^\s"'&,;]{3,}/gi,
  // JSON Web Tokens, and tokens whose makers give them a name.
  /()\beyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]*/g,
  /()\b(?:gh[pousr]_|github_pat_|glpat-|npm_|sk-|xox[abprs]-|AKIA)[\w-]{12,}/g,
];

/** `text` with "***" for what looks like a secret, or is the value of a variable of `env` that is named like one. */
export function withoutSecrets(text: string, env: NodeJS.ProcessEnv): string {
  const values = Object.entries(env).flatMap(([name, value = '']) =>
    SECRET_VARIABLE.test(name) && value.length >= SHORTEST ? [value] : [],
  );
  // The longest first: one may be the start of another.
  const known = values
    .sort((a, b) => b.length - a.length)
    .reduce((rest, value) => rest.replaceAll(value, COVERED), text);
  return FORMS.reduce((rest, form) => rest.replace(form, `$1${COVERED}`), known);
}
