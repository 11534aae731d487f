// `fanwire history`: comparisons of many commits with one pinned build, kept over time; where a metric changed its
// level.
import { Command } from 'commander';
import { FanwireError } from '../base/error.js';
import { countOf } from '../base/page/format.js';

interface StoreFlags {
  store: string;
}

interface AddFlags extends StoreFlags {
  commit?: string;
}

interface PageFlags extends StoreFlags {
  html: string;
  anchor?: string;
  quiet?: boolean;
}

const STORE = 'a folder, or branch:NAME for a branch of this repository';

export function historyCommand(): Command {
  const command = new Command('history').description('keep comparisons over time, and find where a metric changed');
  const add = command
    .command('add')
    .description('add comparisons (fanwire.comparison/2) of a commit with the pinned anchor, each once')
    .argument('<file...>', 'what `fanwire compare --base ANCHOR --json` wrote')
    .option('--store <where>', STORE, 'history')
    .option('--commit <commit>', 'the commit that was judged, where the comparison does not name it')
    .addHelpText(
      'after',
      '\nExit codes: 0 added, or there already; 2 a file or the store cannot be used; 3 it cannot be written.',
    )
    .action(addFiles);
  const page = command
    .command('page')
    .description('write the trends of the store as one HTML page, and say which changes were found')
    .option('--store <where>', STORE, 'history')
    .option('--html <file>', 'the page', 'history.html')
    .option('--anchor <commit>', "the anchor whose ratios are shown (default: the newest entry's)")
    .option('-q, --quiet', 'print nothing')
    .addHelpText(
      'after',
      '\nExit codes: 0 written, whatever was found; 2 the store cannot be used; 1 the page cannot be written.',
    )
    .action(writePage);
  for (const one of [add, page]) one.exitOverride().configureOutput({ outputError: () => {} });
  return command;
}

async function addFiles(files: string[], { store, commit }: AddFlags): Promise<void> {
  const { readComparison } = await import('../../bench/compare/comparison-file.js');
  const { entryOf } = await import('../../bench/history/entry.js');
  const { addToHistory } = await import('../../bench/history/store.js');
  const entries = files.map((file) => entryOf(readComparison(file), commit));
  const measured = entries.filter((entry) => entry !== null);
  const added = await addToHistory(store, measured);
  const known = measured.length - added;
  const skipped = entries.length - measured.length;
  const notes = [
    ...(known === 0 ? [] : [`${known} there already`]),
    ...(skipped === 0 ? [] : [`${skipped} measured nothing`]),
  ];
  process.stdout.write(`${added} added to ${store}${notes.length === 0 ? '' : ` (${notes.join(', ')})`}\n`);
}

/** Whether one is the other's beginning: a comparison names nine characters of a commit. */
function isSameCommit(one: string, other = ''): boolean {
  const [short = '', long = ''] = [one, other].sort((a, b) => a.length - b.length);
  return /^[0-9a-f]{7,40}$/.test(short) && /^[0-9a-f]{7,40}$/.test(long) && long.startsWith(short);
}

async function writePage({ store, html, anchor, quiet }: PageFlags): Promise<void> {
  const { absenceOf, readHistory } = await import('../../bench/history/store.js');
  const { alertsOf, newestAnchor, trendsOf } = await import('../../bench/history/trends.js');
  const { annotation, describeAlert } = await import('../../bench/history/alert-text.js');
  const { renderHistoryHtml } = await import('../../bench/history/page.js');
  const { requireWritable, write } = await import('../../bench/report/files.js');
  requireWritable({ html });
  const all = readHistory(store);
  const shown = anchor ?? newestAnchor(all);
  const isShown = (one: string): boolean => one === shown || isSameCommit(one, shown);
  const entries = all.filter((entry) => isShown(entry.anchor));
  if (anchor !== undefined && entries.length === 0 && all.length > 0) {
    const anchors = [...new Set(all.map((entry) => entry.anchor))].slice(-5).join(', ');
    throw new FanwireError('FANWIRE_USAGE_HISTORY', `--anchor ${anchor} has no entry in ${store}: it has ${anchors}`);
  }
  const trends = trendsOf(entries);
  const alerts = alertsOf(entries, trends);
  write(html, renderHistoryHtml(entries, all.length - entries.length, trends, alerts));
  if (quiet) return;
  for (const alert of alerts) process.stdout.write(`${describeAlert(alert)}\n`);
  const found = alerts.length === 0 ? 'no change of level' : countOf(alerts.length, 'change');
  const absence = all.length === 0 ? absenceOf(store) : undefined;
  const note = absence === undefined ? '' : ` (${absence})`;
  process.stdout.write(`${found} in ${countOf(entries.length, 'entry', 'entries')}${note}; the page is ${html}\n`);
  if (process.env.GITHUB_ACTIONS !== 'true') return;
  for (const alert of alerts) if (alert.isNew) process.stdout.write(`${annotation(alert)}\n`);
}
