// `--auth static`: tokens from a JSON file, each with a user and permissions, read again on SIGHUP.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { FanwireError } from '../base/error.js';
import { withoutMark } from '../base/json-file.js';
import { type Refusal, Refused } from '../protocol/codes.js';
import { type Authenticator, type AuthLog, type Identity, MAX_TOKEN_BYTES, TokenIdentity } from './auth.js';
import { compilePatterns } from './permissions.js';

/** A token of the file: the token itself, or its SHA-256 in hex so that the file holds no secret. */
const entrySchema = z
  .strictObject({
    token: z
      .string()
      .min(16, 'must have at least 16 characters')
      .max(MAX_TOKEN_BYTES)
      .regex(/^[\w.~+/=-]+$/, 'may hold only letters, digits and -._~+/=')
      .optional(),
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/i, 'must be 64 hex digits')
      .optional(),
    user: z.string().min(1).optional(),
    expires: z.iso.datetime({ offset: true }).optional(),
    sub: z.array(z.string()).default([]),
    pub: z.array(z.string()).default([]),
  })
  .refine((entry) => (entry.token === undefined) !== (entry.sha256 === undefined), 'needs either token or sha256');

const fileSchema = z.strictObject({ tokens: z.array(entrySchema) });

/** Identities by the SHA-256 of their token, in hex. */
type TokenTable = ReadonlyMap<string, Identity>;

export class StaticAuthenticator implements Authenticator {
  private table: TokenTable;
  private current: ReadonlySet<Identity>;

  /** Throws FanwireError FANWIRE_AUTH_FILE when the file cannot be used. */
  constructor(
    private readonly path: string,
    private readonly log: AuthLog,
  ) {
    this.table = readTokens(path);
    this.current = new Set(this.table.values());
  }

  authenticate(token: string | undefined): Identity | Refusal {
    if (token === undefined) return Refused.tokenMissing;
    if (token.length > MAX_TOKEN_BYTES) return Refused.tokenTooLarge;
    // The look-up is by hash, so its timing reveals the hash of a guess and nothing about any token.
    const identity = this.table.get(sha256(token));
    if (identity === undefined) return Refused.tokenUnknown;
    if (identity.expiresAtMs !== undefined && identity.expiresAtMs <= Date.now()) return Refused.tokenExpired;
    return identity;
  }

  /** Reads the file again; an unusable file is logged and changes nothing. */
  reload(): void {
    try {
      this.replace(readTokens(this.path));
      this.log.info({ file: this.path, tokens: this.table.size }, 'static tokens read again');
    } catch (error) {
      const reason = error instanceof FanwireError ? error.message : String(error);
      this.log.error({ file: this.path, reason }, 'static tokens not read again; keeping the old ones');
    }
  }

  holds(identity: Identity): boolean {
    return this.current.has(identity);
  }

  /** Entries that did not change keep their identity object, so that only sockets of removed or changed tokens
   *  close: those of changed ones with the advice to come back. */
  private replace(next: TokenTable): void {
    const table = new Map<string, Identity>();
    for (const [hash, identity] of next) {
      const old = this.table.get(hash);
      const isSame = old !== undefined && sameIdentity(old, identity);
      if (!isSame && old instanceof StaticIdentity) old.isReplaced = true;
      table.set(hash, isSame ? old : identity);
    }
    this.table = table;
    this.current = new Set(table.values());
  }
}

class StaticIdentity extends TokenIdentity {
  isReplaced = false;

  constructor(
    entry: z.infer<typeof entrySchema>,
    /** The token's entry as text, to see whether a reload changed it. */
    readonly written: string,
    where: string,
  ) {
    super(
      entry.user,
      entry.expires === undefined ? undefined : Date.parse(entry.expires),
      compilePatterns(entry.sub, `${where}.sub`),
      compilePatterns(entry.pub, `${where}.pub`),
    );
  }
}

function sameIdentity(one: Identity, other: Identity): boolean {
  return one instanceof StaticIdentity && other instanceof StaticIdentity && one.written === other.written;
}

/** Throws FanwireError FANWIRE_AUTH_FILE when the file cannot be used. */
export function readTokens(path: string): TokenTable {
  const parsed = fileSchema.safeParse(readJson(path));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw badFile(path, `${issue?.path.join('.') || 'top level'}: ${issue?.message}`);
  }
  const table = new Map<string, Identity>();
  parsed.data.tokens.forEach((entry, index) => {
    const hash = entry.sha256?.toLowerCase() ?? sha256(entry.token ?? '');
    if (table.has(hash)) throw badFile(path, `tokens.${index}: is the same token as an earlier entry`);
    const written = JSON.stringify([entry.user, entry.expires, entry.sub, entry.pub]);
    try {
      table.set(hash, new StaticIdentity(entry, written, `tokens.${index}`));
    } catch (error) {
      throw badFile(path, (error as Error).message);
    }
  });
  return table;
}

function readJson(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw badFile(path, `cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`);
  }
  try {
    return JSON.parse(withoutMark(text));
  } catch {
    // V8's message quotes the text around the error, which may be a token.
    throw badFile(path, 'is no valid JSON');
  }
}

function sha256(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

function badFile(path: string, what: string): FanwireError {
  return new FanwireError('FANWIRE_AUTH_FILE', `token file ${path}: ${what}`);
}
