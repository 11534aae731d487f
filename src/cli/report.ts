// `fanwire report`: one result file or several, as a terminal table, an HTML page, Markdown or JUnit.
import { Command } from 'commander';
import type { ReportFiles } from '../../bench/report/write.js';

interface ReportFlags extends ReportFiles {
  sum?: boolean;
  quiet?: boolean;
}

export function reportCommand(): Command {
  return new Command('report')
    .description('turn result files of `fanwire bench` into reports; several stand side by side')
    .argument('<file...>', 'result files (fanwire.result/1), each one result or an array of them')
    .option('--sum', 'add up what several generator machines measured of one server at the same time')
    .option('--json <file>', 'write the results read, or their sum; - is stdout, for each of these')
    .option('--html <file>', 'write one self-contained HTML page with charts')
    .option('--md <file>', 'add Markdown to a file, for a CI summary')
    .option('--junit <file>', 'write JUnit XML: an invalid run is an error, a lost message a failure')
    .option('-q, --quiet', 'print no table')
    .addHelpText('after', '\nExit codes: 0 done, 1 a file is no result or cannot be read or written, 2 bad arguments.')
    .action(report);
}

async function report(files: string[], { sum, quiet, ...reports }: ReportFlags): Promise<void> {
  const { readResults } = await import('../../bench/result/result-validate.js');
  const { requireWritable, stdoutReport } = await import('../../bench/report/files.js');
  const { reportFiles, writeReports } = await import('../../bench/report/write.js');
  const named = reportFiles(reports);
  requireWritable(named);
  const read = files.flatMap(readResults);
  const results = sum ? [(await import('../../bench/result/sum-up.js')).sumUpMachines(read)] : read;
  const out = stdoutReport(named) === undefined ? process.stdout : process.stderr;
  if (!quiet) {
    const { renderTerminal, terminalOptions } = await import('../../bench/report/terminal.js');
    out.write(renderTerminal(results, terminalOptions(out, process.env)));
  }
  for (const name of await writeReports(results, named)) process.stderr.write(`wrote ${name}\n`);
}
