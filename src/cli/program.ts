// What the `fanwire` command does: registers the sub-commands and turns every failure into one line and an exit code.
import { Command, CommanderError } from 'commander';
import { FanwireError } from '../base/error.js';
import { exitCodeFor } from '../base/error-codes.js';
import { Exit } from '../base/exit-codes.js';
import { openFilesError } from '../base/open-files.js';
import { uwsBuild } from '../base/uws-build.js';
import { version } from '../base/version.js';
import { benchCommand } from './bench.js';
import { bisectCommand } from './bisect.js';
import { commentCommand } from './comment.js';
import { compareCommand } from './compare.js';
import { conformCommand } from './conform.js';
import { historyCommand } from './history.js';
import { watchOutput } from './output.js';
import { pubCommand } from './pub.js';
import { reportCommand } from './report.js';
import { serveCommand } from './serve.js';
import { subCommand } from './sub.js';
import { usageError } from './usage.js';

// A command's file only declares its flags; what it runs on is imported inside its action, so that `fanwire serve` and
// `--help` start without it.
const commands = [
  serveCommand, // one a line, in the order of --help
  pubCommand,
  subCommand,
  benchCommand,
  compareCommand,
  bisectCommand,
  commentCommand,
  historyCommand,
  reportCommand,
  conformCommand,
];

function report(thrown: unknown): number {
  const error = openFilesError(thrown) ?? thrown;
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return Exit.good; // --help and --version have printed what they had to
    if (error.code === 'commander.help') return Exit.usage; // no command given: the help is the answer
    process.stderr.write(usageError(program, error, process.argv.slice(2)));
    return Exit.usage;
  }
  if (error instanceof FanwireError) {
    process.stderr.write(`fanwire: ${error.message} [${error.code}]\n`);
    return exitCodeFor(error.code);
  }
  process.stderr.write(`fanwire: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return Exit.failed;
}

/** Errors are thrown, not printed and exited on, in every command alike. */
function throwErrors(command: Command): Command {
  return command
    .exitOverride()
    .configureOutput({ outputError: () => {} })
    .configureHelp({ sortSubcommands: false })
    .showSuggestionAfterError(true);
}

const program = throwErrors(new Command('fanwire'))
  .description('A WebSocket relay, and a load-test harness that can fail a pull request')
  .option('-V, --version', 'print the version, the build of uWebSockets.js and Node')
  .on('option:version', () => {
    process.stdout.write(`${version}\nuWebSockets.js: ${uwsBuild()}\nNode ${process.version}\n`);
    throw new CommanderError(Exit.good, 'commander.version', version);
  });
for (const build of commands) program.addCommand(throwErrors(build()));

watchOutput(report);
try {
  await program.parseAsync();
} catch (error) {
  const code = report(error);
  // At once: a listener that did start must not keep a failed relay up. After --help and --version nothing runs, and
  // what they printed may still be on its way.
  if (code !== Exit.good) process.exit(code);
}
