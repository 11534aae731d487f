// `fanwire report`: one result file or several, as a terminal table, an HTML page, Markdown or JUnit.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { Command } from 'commander';
import { FanwireError } from '../protocol/codes.js';

interface ReportFlags {
  html?: string;
  md?: string;
  junit?: string;
  quiet?: boolean;
}

export function reportCommand(): Command {
  return new Command('report')
    .description('turn result files of `fanwire bench` into reports; several stand side by side')
    .argument('<file...>', 'result files (fanwire.result/1), each one result or an array of them')
    .option('--html <file>', 'write one self-contained HTML page with charts')
    .option('--md <file>', 'write Markdown, for a CI summary')
    .option('--junit <file>', 'write JUnit XML: an invalid run is an error, a lost message a failure')
    .option('-q, --quiet', 'print no table')
    .action(report);
}

async function report(files: string[], flags: ReportFlags): Promise<void> {
  const { readResults } = await import('../../bench/result-validate.js');
  const results = files.flatMap(readResults);
  if (flags.html !== undefined) {
    const { renderHtml } = await import('../../bench/report/html.js');
    write(flags.html, renderHtml(results));
  }
  if (flags.md !== undefined) {
    const { renderMarkdown } = await import('../../bench/report/markdown.js');
    write(flags.md, renderMarkdown(results));
  }
  if (flags.junit !== undefined) {
    const { renderJunit } = await import('../../bench/report/junit.js');
    write(flags.junit, renderJunit(results));
  }
  if (flags.quiet) return;
  const { renderTerminal, terminalOptions } = await import('../../bench/report/terminal.js');
  process.stdout.write(renderTerminal(results, terminalOptions(process.stdout, process.env)));
}

function write(file: string, text: string): void {
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new FanwireError('FANWIRE_REPORT_WRITE', `cannot write the report ${file}: ${reason}`);
  }
}
