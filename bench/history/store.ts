// Where the history is kept: a file of JSON lines that is only ever added to, in a folder or on a branch of its own.
// Lines have no order and an id each, so two of them that were added apart are merged by keeping both (`merge=union`).

import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FanwireError } from '../../src/base/error.js';
import { isDirectory } from '../../src/base/is-directory.js';
import { fileAgeMs } from '../system/file-age.js';
import { makeFolder } from '../system/make-folder.js';
import { BranchMoved, branchTips, commitFiles, fileAt } from './branch.js';
import { entrySchema, HISTORY_SCHEMA, type HistoryEntry } from './entry.js';

const FILE = 'history.jsonl';
const ATTRIBUTES = '.gitattributes';
const MERGE_RULE = `${FILE} merge=union`;
const BRANCH = 'branch:';

/** The entries of the store at `where` (a folder, or `branch:NAME` of this repository), oldest first; none where there
 *  is no store yet.
 *  @throws FanwireError FANWIRE_USAGE_HISTORY for a line that is no entry, or of another schema */
export function readHistory(where: string): HistoryEntry[] {
  const entries = readTexts(where).flatMap((text) => parse(text, where));
  const seen = new Set<string>();
  const own = entries.filter(({ id }) => !seen.has(id) && seen.add(id));
  return own.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
}

/** Adds those of `entries` that are not there yet, and says how many those were. Nothing is half written: a folder's
 *  file is replaced as a whole, a branch gets one commit; and nothing that others add at the same time is lost.
 *  @throws FanwireError FANWIRE_USAGE_HISTORY, FANWIRE_HISTORY_WRITE */
export async function addToHistory(where: string, entries: readonly HistoryEntry[]): Promise<number> {
  for (const entry of entries) refuseUnreadable(entry);
  refuseNoStore(where);
  try {
    if (where.startsWith(BRANCH)) return await addToBranch(where, entries);
    makeFolder(where);
    return await alone(join(where, FILE), () => addToFolder(where, entries));
  } catch (error) {
    if (error instanceof FanwireError) throw error;
    throw new FanwireError(
      'FANWIRE_HISTORY_WRITE',
      `cannot write --store ${where}: ${(error as Error).message.trim()}`,
    );
  }
}

/** @throws FanwireError FANWIRE_USAGE_HISTORY for what is no place for a store */
function refuseNoStore(where: string): void {
  const isFile = !where.startsWith(BRANCH) && existsSync(where) && !isDirectory(where);
  if (where !== '' && !isFile) return;
  const what = where === '' ? 'is empty' : `${where} is a file`;
  throw new FanwireError('FANWIRE_USAGE_HISTORY', `--store ${what}: name a folder, or branch:NAME`);
}

/** What to say of a page without entries: that there is no store of the name may be a slip, or a branch that was never
 *  fetched; undefined where there is one. */
export function absenceOf(where: string): string | undefined {
  if (readTexts(where).length > 0) return undefined;
  const name = where.startsWith(BRANCH) ? where.slice(BRANCH.length) : '';
  const fetch = name === '' ? '' : `; where the remote has it: git fetch origin ${name}`;
  return `--store ${where} is not there yet, fanwire history add makes it${fetch}`;
}

/** What could not be read again would close the store for everybody. */
function refuseUnreadable(entry: HistoryEntry): void {
  const [issue] = entrySchema.safeParse(entry).error?.issues ?? [];
  if (issue === undefined) return;
  const what = `${issue.path.join('.')}: ${issue.message}`;
  throw new FanwireError('FANWIRE_USAGE_HISTORY', `the comparison makes no entry (${what}): name its --commit`);
}

/** Those of `entries` that `texts` lack. */
function freshOf(entries: readonly HistoryEntry[], texts: readonly string[], where: string): HistoryEntry[] {
  const known = new Set(texts.flatMap((text) => parse(text, where)).map(({ id }) => id));
  return entries.filter(({ id }) => !known.has(id) && known.add(id));
}

/** `text` with `lines` behind it. */
function joined(text: string, lines: readonly string[]): string {
  const begun = text === '' || text.endsWith('\n') ? text : `${text}\n`;
  return begun + lines.map((line) => `${line}\n`).join('');
}

function addToFolder(where: string, entries: readonly HistoryEntry[]): number {
  const file = join(where, FILE);
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const fresh = freshOf(entries, [text], where);
  if (fresh.length === 0) return 0;
  const next = `${file}.${process.pid}.tmp`;
  try {
    writeFileSync(
      next,
      joined(
        text,
        fresh.map((entry) => JSON.stringify(entry)),
      ),
    );
    renameSync(next, file);
  } catch (error) {
    rmSync(next, { force: true });
    throw error;
  }
  const attributes = join(where, ATTRIBUTES);
  const rules = existsSync(attributes) ? readFileSync(attributes, 'utf8') : '';
  if (!rules.includes(MERGE_RULE)) writeFileSync(attributes, joined(rules, [MERGE_RULE]));
  return fresh.length;
}

/** Local and fetched commits of the branch are brought together: each keeps what the other lacks. */
async function addToBranch(where: string, entries: readonly HistoryEntry[]): Promise<number> {
  const branch = where.slice(BRANCH.length);
  for (let attempt = 1; ; attempt++) {
    const tips = branchTips(branch);
    const texts = tips.map((tip) => fileAt(tip, FILE));
    const fresh = freshOf(entries, texts, where);
    if (fresh.length === 0 && tips.length < 2) return 0;
    const [first = '', ...others] = texts;
    const known = new Set(first.split('\n').map((line) => line.trim()));
    const missing = others
      .flatMap((text) => text.split('\n'))
      .filter((line) => line.trim() !== '' && !known.has(line.trim()));
    const rules = tips[0] === undefined ? '' : fileAt(tips[0], ATTRIBUTES);
    const files = {
      [FILE]: joined(first, [...missing, ...fresh.map((entry) => JSON.stringify(entry))]),
      [ATTRIBUTES]: rules.includes(MERGE_RULE) ? rules : joined(rules, [MERGE_RULE]),
    };
    const added = fresh.map(({ commit }) => commit.slice(0, 12)).join(', ');
    const message = fresh.length === 0 ? 'History: what was added apart' : `History: ${added}`;
    try {
      commitFiles(branch, tips, files, message);
      return fresh.length;
    } catch (error) {
      if (attempt === TRIES || !(error instanceof BranchMoved)) throw error;
      await sleep(Math.random() * 50 * attempt);
    }
  }
}

const TRIES = 20;
const POLL_MS = 20;
/** Reading and writing take milliseconds; who holds it for longer has been ended. */
const HELD_MS = 10_000;

/** Runs `work` while nobody else does so for `file`. */
async function alone<T>(file: string, work: () => T): Promise<T> {
  const lock = `${file}.lock`;
  for (;;) {
    try {
      writeFileSync(lock, '', { flag: 'wx' });
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    if (fileAgeMs(lock) > HELD_MS) rmSync(lock, { force: true });
    else await sleep(POLL_MS);
  }
  try {
    return work();
  } finally {
    rmSync(lock, { force: true });
  }
}

function readTexts(where: string): string[] {
  refuseNoStore(where);
  if (where.startsWith(BRANCH)) return branchTips(where.slice(BRANCH.length)).map((tip) => fileAt(tip, FILE));
  const file = join(where, FILE);
  if (!existsSync(file)) return [];
  try {
    return [readFileSync(file, 'utf8')];
  } catch (error) {
    throw new FanwireError('FANWIRE_USAGE_HISTORY', `cannot read --store ${file}: ${(error as Error).message}`);
  }
}

function parse(text: string, where: string): HistoryEntry[] {
  const seen = new Set<string>();
  return text
    .replace(/^\ufeff/, '')
    .split('\n')
    .flatMap((line, i) => {
      if (line.trim() === '') return [];
      const entry = parseLine(line, `--store ${where}, line ${i + 1},`);
      // A merge may keep the same line twice.
      if (seen.has(entry.id)) return [];
      seen.add(entry.id);
      return [entry];
    });
}

function parseLine(line: string, where: string): HistoryEntry {
  const refuse = (why: string): never => {
    throw new FanwireError('FANWIRE_USAGE_HISTORY', `${where} ${why}: remove the line, or use another store`);
  };
  let content: unknown;
  try {
    content = JSON.parse(line);
  } catch {
    const isConflict = /^(<{7}|={7}|>{7}|\|{7})( |$)/.test(line.trimEnd());
    return refuse(isConflict ? 'is the mark of a merge conflict' : 'is no JSON (half a line?)');
  }
  const schema = (content as { schema?: unknown } | null)?.schema;
  if (schema !== HISTORY_SCHEMA)
    return refuse(`is of the schema ${JSON.stringify(schema)?.slice(0, 60)}, not ${HISTORY_SCHEMA}`);
  const { success, data, error } = entrySchema.safeParse(content);
  if (success) return data;
  return refuse(`is no whole ${HISTORY_SCHEMA} (${error.issues[0]?.path.join('.')} ${error.issues[0]?.message})`);
}
