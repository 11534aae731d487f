// Where the history is kept: a file of JSON lines that is only ever added to, in a folder or on a branch of its own.
// Lines have no order and an id each, so two of them that were added apart are merged by keeping both (`merge=union`).

import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FanwireError } from '../../src/base/error.js';
import { makeFolder } from '../system/make-folder.js';
import { branchFiles, commitFiles } from './branch.js';
import { entrySchema, HISTORY_SCHEMA, type HistoryEntry } from './entry.js';

const FILE = 'history.jsonl';
const ATTRIBUTES = '.gitattributes';
const MERGE_RULE = `${FILE} merge=union\n`;
const BRANCH = 'branch:';

/** The entries of the store at `where` (a folder, or `branch:NAME` of this repository), oldest first; none where there
 *  is no store yet.
 *  @throws FanwireError FANWIRE_USAGE_HISTORY for a line that is no entry, or of another schema */
export function readHistory(where: string): HistoryEntry[] {
  const entries = parse(readText(where), where);
  return entries.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
}

/** Adds those of `entries` that are not there yet, and says how many those were. Nothing is half written: a folder's
 *  file is replaced as a whole, a branch gets one commit.
 *  @throws FanwireError FANWIRE_USAGE_HISTORY, FANWIRE_HISTORY_WRITE */
export function addToHistory(where: string, entries: readonly HistoryEntry[]): number {
  const text = readText(where);
  const known = new Set(parse(text, where).map(({ id }) => id));
  const fresh = entries.filter(({ id }, i) => !known.has(id) && entries.findIndex((one) => one.id === id) === i);
  if (fresh.length === 0) return 0;
  const joined = text === '' || text.endsWith('\n') ? text : `${text}\n`;
  const lines = fresh.map((entry) => `${JSON.stringify(entry)}\n`).join('');
  const message = `History: ${fresh.map(({ commit }) => commit.slice(0, 12)).join(', ')}`;
  try {
    writeText(where, joined + lines, message);
  } catch (error) {
    throw new FanwireError(
      'FANWIRE_HISTORY_WRITE',
      `cannot write --store ${where}: ${(error as Error).message.trim()}`,
    );
  }
  return fresh.length;
}

function readText(where: string): string {
  if (where.startsWith(BRANCH)) return branchFiles(where.slice(BRANCH.length), [FILE])[FILE] ?? '';
  const file = join(where, FILE);
  if (!existsSync(file)) return '';
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new FanwireError('FANWIRE_USAGE_HISTORY', `cannot read --store ${file}: ${(error as Error).message}`);
  }
}

function writeText(where: string, text: string, message: string): void {
  if (where.startsWith(BRANCH)) {
    commitFiles(where.slice(BRANCH.length), { [FILE]: text, [ATTRIBUTES]: MERGE_RULE }, message);
    return;
  }
  makeFolder(where);
  const file = join(where, FILE);
  const next = `${file}.${process.pid}.tmp`;
  writeFileSync(next, text);
  renameSync(next, file);
  const attributes = join(where, ATTRIBUTES);
  if (!existsSync(attributes)) writeFileSync(attributes, MERGE_RULE);
}

function parse(text: string, where: string): HistoryEntry[] {
  const seen = new Set<string>();
  return text.split('\n').flatMap((line, i) => {
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
    return refuse('is no JSON (half a line?)');
  }
  const schema = (content as { schema?: unknown } | null)?.schema;
  if (schema !== HISTORY_SCHEMA)
    return refuse(`is of the schema ${JSON.stringify(schema)?.slice(0, 60)}, not ${HISTORY_SCHEMA}`);
  const { success, data, error } = entrySchema.safeParse(content);
  if (success) return data;
  return refuse(`is no whole ${HISTORY_SCHEMA} (${error.issues[0]?.path.join('.')} ${error.issues[0]?.message})`);
}
