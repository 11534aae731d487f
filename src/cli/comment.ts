// `fanwire comment`: a comparison's verdict as one comment on a pull request, written anew by each run.
import { Command } from 'commander';
import type { GitHub } from '../../bench/compare/comment/github.js';
import type { Comparison } from '../../bench/compare/comparison.js';
import { FanwireError } from '../base/error.js';
import { measuring } from './measuring.js';

interface CommentFlags {
  pullRequest?: string;
  run?: string;
  key: string;
}

export function commentCommand(): Command {
  return new Command('comment')
    .description('comment a comparison on a pull request of GitHub, once, and write it anew with each run')
    .argument('[file]', 'what `fanwire compare --json` wrote')
    .option('--pull-request <number>', 'where it is commented')
    .option(
      '--run <id>',
      'comment what this workflow run kept as artifacts instead: for forks, whose jobs may not comment',
    )
    .option('--key <text>', 'tells the comparisons of one pull request apart', 'default')
    .addHelpText(
      'after',
      '\nReads GITHUB_TOKEN, GITHUB_REPOSITORY and GITHUB_API_URL, which a workflow has.\n' +
        'Exit codes: 0 commented, 2 wrong flag or variable, 3 not commented, with the reason.',
    )
    .action((file: string | undefined, flags: CommentFlags) =>
      measuring(() => comment(file, flags), 'nothing was commented'),
    );
}

async function comment(file: string | undefined, flags: CommentFlags): Promise<void> {
  const github = await access();
  const { renderComment, markerOf } = await import('../../bench/compare/comment/body.js');
  const { hasComment, writeComment } = await import('../../bench/compare/comment/pull-request.js');
  const { chosen, rest, further } = await comparisons(github, file, flags);
  const write = async ({ comparison, key, number, runUrl, isForeign }: AskedComment, beside = ''): Promise<void> => {
    const body = renderComment(comparison, { key, runUrl, isForeign, further: beside });
    const address = await writeComment(github, number, markerOf(key), body);
    process.stdout.write(`commented on #${number}: ${address}\n`);
  };
  for (const [i, one] of chosen.entries()) await write(one, i === 0 ? further : '');
  for (const one of rest) if (await hasComment(github, one.number, markerOf(one.key))) await write(one);
  if (further !== '') process.stdout.write(`${further}\n`);
}

interface AskedComment {
  readonly comparison: Comparison;
  readonly key: string;
  readonly number: number;
  readonly runUrl: string | undefined;
  readonly isForeign: boolean;
}

/** What is to be commented where. */
async function comparisons(
  github: GitHub,
  file: string | undefined,
  flags: CommentFlags,
): Promise<{
  readonly chosen: readonly AskedComment[];
  readonly rest: readonly AskedComment[];
  readonly further: string;
}> {
  const { run, pullRequest, key } = flags;
  const isOfFile = file !== undefined || pullRequest !== undefined;
  if (isOfFile === (run !== undefined) || (pullRequest !== undefined && file === undefined))
    throw usage('name either a file with --pull-request, or --run');
  if (run !== undefined) {
    const id = positive('--run', run);
    const { comparisonsOfRun } = await import('../../bench/compare/comment/run-artifact.js');
    const { chooseOf } = await import('../../bench/compare/comment/several.js');
    const { comparisons: chosen, rest, further } = chooseOf(await comparisonsOfRun(github, id));
    if (chosen.length === 0) process.stdout.write(`run ${id} kept no comparison: nothing to comment\n`);
    const asked = (one: (typeof chosen)[number]): AskedComment => {
      return { ...one, number: one.pullRequest, runUrl: runAddress(String(id)), isForeign: true };
    };
    return { chosen: chosen.map(asked), rest: rest.map(asked), further };
  }
  const { readComparison } = await import('../../bench/compare/comparison-file.js');
  const number = positive('--pull-request', pullRequest ?? '');
  const runUrl = runAddress(process.env.GITHUB_RUN_ID);
  const comparison = readComparison(file as string);
  return { chosen: [{ comparison, key, number, runUrl, isForeign: false }], rest: [], further: '' };
}

function positive(flag: string, text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw usage(`${flag} must be a whole number, got ${JSON.stringify(text)}`);
}

function runAddress(id: string | undefined): string | undefined {
  const { GITHUB_SERVER_URL: server = 'https://github.com', GITHUB_REPOSITORY: repository } = process.env;
  return id === undefined || id === '' ? undefined : `${server}/${repository}/actions/runs/${id}`;
}

async function access(): Promise<GitHub> {
  const { GITHUB_TOKEN, GH_TOKEN, GITHUB_REPOSITORY: repository = '', GITHUB_API_URL } = process.env;
  const token = GITHUB_TOKEN || GH_TOKEN || '';
  if (token === '') throw usage('there is no GITHUB_TOKEN: set it in the step’s env to the job’s github.token');
  if (!/^[\w.-]+\/[\w.-]+$/.test(repository))
    throw usage(`GITHUB_REPOSITORY must be owner/name, got ${JSON.stringify(repository)}`);
  const { GitHub } = await import('../../bench/compare/comment/github.js');
  return new GitHub({ api: GITHUB_API_URL || 'https://api.github.com', repository, token });
}

function usage(message: string): FanwireError {
  return new FanwireError('FANWIRE_USAGE_COMMENT', message);
}
