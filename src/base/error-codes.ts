// Every code that a command, a start or the client library reports: its exit code, and its meaning in one line. Codes
// on the wire (refusals, error ops) are in protocol/codes.ts; `npm run docs` prints both into docs/errors.md.
import { Exit } from './exit-codes.js';

/** `exit` is the code a command ends with; undefined where no command does (the client library, a worker that is
 *  started anew). */
export interface ErrorMeaning {
  readonly exit: number | undefined;
  readonly meaning: string;
}

const usage = (meaning: string): ErrorMeaning => ({ exit: Exit.usage, meaning });
const failed = (meaning: string): ErrorMeaning => ({ exit: Exit.failed, meaning });
const unmeasured = (meaning: string): ErrorMeaning => ({ exit: Exit.invalid, meaning });
const interrupted = (meaning: string): ErrorMeaning => ({ exit: Exit.interrupted, meaning });
const remark = (meaning: string): ErrorMeaning => ({ exit: Exit.good, meaning });
const inProcess = (meaning: string): ErrorMeaning => ({ exit: undefined, meaning });

export const ERROR_CODES = {
  // What a person wrote in a flag, a variable or a file that these name.
  FANWIRE_CONFIG_RANGE: usage('an option has a value outside its range'),
  FANWIRE_CONFIG_UNKNOWN: usage('a variable or a key of the --config file is no option'),
  FANWIRE_CONFIG_FILE: usage('a file that an option names cannot be read, or holds something else'),
  FANWIRE_CONFIG_CONFLICT: usage('two options contradict each other, or one needs another'),
  FANWIRE_CONFIG_HISTORY: usage('--history is no list of rules'),
  FANWIRE_CONFIG_DELIVER: usage('--deliver is no list of rules'),
  FANWIRE_CONFIG_STATE: usage('--state is no list of rules, or one of them can never apply'),
  FANWIRE_CONFIG_TLS: usage('a certificate or key is no PEM, or the two do not belong together'),
  FANWIRE_CONFIG_ORIGIN: usage('an entry of --origins can match no origin'),
  FANWIRE_CONFIG_TRUST_PROXY: usage('an entry of --trust-proxy is no address or network'),
  FANWIRE_CONFIG_JWT_SECRET: usage('a shared secret is too short'),
  FANWIRE_CONFIG_JWT_KEY: usage('a key file holds no key that verifies tokens'),
  FANWIRE_AUTH_FILE: usage('the token file of --auth static cannot be used'),
  FANWIRE_PERMISSION_PATTERN: usage('a topic pattern is not understood'),
  FANWIRE_USAGE: usage('a command is called wrongly: an unknown flag or argument, or one that is missing'),
  FANWIRE_USAGE_RANGE: usage('a flag of pub or sub has a value outside its range'),
  FANWIRE_USAGE_HEADER: usage('--header is no "Name: value"'),
  FANWIRE_USAGE_CONFLICT: usage('two arguments contradict each other'),
  FANWIRE_USAGE_MESSAGE: usage('pub has nothing to send'),
  FANWIRE_USAGE_URL: usage('a URL is no WebSocket URL'),
  FANWIRE_USAGE_BENCH_RANGE: usage('a flag of bench has a value outside its range'),
  FANWIRE_USAGE_BENCH_ADDRESS: usage('--local-address is no IP address'),
  FANWIRE_USAGE_BENCH_FEW: usage('the plan publishes too little for what is asked of it'),
  FANWIRE_USAGE_BENCH_PLAN: usage('the plan cannot be played as it is'),
  FANWIRE_USAGE_BENCH_ADMIN: usage('the scenario needs the admin port of the relay'),
  FANWIRE_USAGE_BENCH_URL: usage('--url is no ws:// or wss:// URL'),
  FANWIRE_USAGE_BENCH_PID: usage('--server-pid is no process of this machine'),
  FANWIRE_USAGE_BENCH_TARGET: usage('the flags name no target, or more than one'),
  FANWIRE_USAGE_ENGINE: usage('the engine cannot play what is asked'),
  FANWIRE_USAGE_SCENARIO: usage('there is no scenario of that name'),
  FANWIRE_USAGE_SCENARIO_FILE: usage('a scenario file cannot be used'),
  FANWIRE_USAGE_SLO: usage('a term of --slo is not understood'),
  FANWIRE_USAGE_K6_MISSING: usage('--engine k6 needs k6, which is not here'),
  FANWIRE_USAGE_K6_TOO_OLD: usage('k6 is too old for the scripts'),
  FANWIRE_USAGE_K6_UNSUPPORTED: usage('the k6 engine cannot play what is asked'),
  FANWIRE_USAGE_PEER: usage('there is no peer of that name'),
  FANWIRE_USAGE_PEER_SCENARIO: usage('peers cannot be compared by that scenario'),
  FANWIRE_USAGE_REPORT: usage('the file of a report is none: a folder, or no permission'),
  FANWIRE_USAGE_REPORT_SUM: usage('the results cannot be added up'),
  FANWIRE_USAGE_COMPARE: usage('flags of compare contradict each other'),
  FANWIRE_USAGE_COMPARE_RANGE: usage('a flag of compare has a value outside its range'),
  FANWIRE_USAGE_COMPARE_HOPELESS: usage('a comparison that could never lead to a verdict'),
  FANWIRE_USAGE_SUITE: usage('a suite file cannot be understood'),
  FANWIRE_USAGE_COMPARE_SCENARIO: usage('compare cannot play that scenario'),
  FANWIRE_USAGE_BISECT: usage('flags of bisect are missing or wrong'),
  FANWIRE_USAGE_COMMENT: usage('flags or variables of comment are missing or wrong'),
  FANWIRE_USAGE_SIDE: usage('a side of the comparison cannot be used'),
  FANWIRE_USAGE_CACHE: usage('the folder of --cache cannot be made'),
  FANWIRE_USAGE_BUDGET: usage('a budget is not understood'),
  FANWIRE_USAGE_BUDGET_UNMEASURED: usage('a budget names what this comparison does not measure'),
  FANWIRE_USAGE_BASELINE: usage('the file of --baseline cannot be used'),
  FANWIRE_USAGE_BASELINE_DIFFERS: usage('the baseline was measured with another load'),
  FANWIRE_USAGE_COMPARISON_FILE: usage('a file is no fanwire.comparison/2'),
  FANWIRE_USAGE_CONFORM: usage('flags or arguments of conform are missing or wrong'),
  FANWIRE_USAGE_HISTORY: usage('the store of the history cannot be used'),
  // What failed although the command was correct.
  FANWIRE_CLUSTER_MODE: usage("`fanwire serve` was started by Node's cluster module, such as pm2's cluster mode"),
  FANWIRE_START: failed('the relay cannot start'),
  FANWIRE_LISTEN: failed('the port or address cannot be listened on'),
  FANWIRE_TLS: failed('uWebSockets.js does not take the certificate or key'),
  FANWIRE_OPEN_FILES: failed('the open-file limit does not allow a start'),
  FANWIRE_UWS_LOAD: failed('uWebSockets.js has no binary for this machine or Node.js'),
  FANWIRE_CLUSTER: failed('NATS cannot be reached at the start'),
  FANWIRE_CLUSTER_HISTORY: failed('NATS cannot keep the history'),
  FANWIRE_CONNECT: failed('pub or sub cannot connect'),
  FANWIRE_REFUSED: failed('the relay refused pub or sub'),
  FANWIRE_CLOSED: failed('the relay closed the connection of pub or sub, or answered no ping for 30 s'),
  FANWIRE_SUB_TIMEOUT: failed('sub did not get as many messages as asked for in time'),
  FANWIRE_PUB_TEXT: failed(
    'pub was given a message that no text frame can carry, or a line longer than any relay takes',
  ),
  FANWIRE_STDOUT: failed('stdout cannot be written, as on a full disk'),
  FANWIRE_REPORT_WRITE: failed('a report cannot be written'),
  FANWIRE_BASELINE_WRITE: failed('the baseline cannot be written'),
  FANWIRE_HISTORY_WRITE: unmeasured('the store of the history cannot be written'),
  FANWIRE_RESULT_UNREADABLE: failed('a result file cannot be read'),
  FANWIRE_RESULT_INVALID: failed('a file is no fanwire.result/1'),
  FANWIRE_HISTOGRAM_INVALID: failed('the histogram of a result is no HdrHistogram'),
  FANWIRE_BENCH_TARGET: failed('the server under test did not start'),
  FANWIRE_BENCH_UNREACHABLE: failed('the server under test cannot be reached'),
  FANWIRE_BENCH_NO_CONNECTION: failed('the server under test took no connection'),
  FANWIRE_BENCH_STALLED: failed('the server under test took messages and stopped delivering them'),
  FANWIRE_BENCH_NO_BROKER: failed('the scenario needs a NATS server, which did not start'),
  FANWIRE_BENCH_PEER_ABSENT: failed('a peer is not installed here'),
  FANWIRE_BENCH_FILE_LIMIT: failed('the open-file limit does not allow as many connections'),
  FANWIRE_BENCH_GENERATOR: unmeasured('a generator process ended'),
  FANWIRE_TEMPORARY_FOLDER: unmeasured('no folder for temporary files can be made: see TMPDIR'),
  FANWIRE_K6_FAILED: unmeasured('k6 ended with an error'),
  FANWIRE_COMPARE_CHECKOUT: unmeasured('a side of the comparison cannot be checked out'),
  FANWIRE_COMPARE_BUILD: unmeasured('a side of the comparison does not build'),
  FANWIRE_BISECT_NOTHING: unmeasured('there is nothing to bisect, or it could not be'),
  FANWIRE_COMMENT_FAILED: unmeasured('GitHub does not take the comment, or cannot be reached'),
  FANWIRE_COMMENT_ARTIFACT: unmeasured('what a workflow run kept cannot be believed'),
  FANWIRE_CONFORM_ADAPTER: unmeasured('the adapter of the client under test does not start, or can nothing'),
  FANWIRE_COMPARE_INVALID: unmeasured('no comparison was possible on this machine'),
  FANWIRE_BENCH_INTERRUPTED: interrupted('the benchmark was interrupted'),
  FANWIRE_PUB_INTERRUPTED: interrupted('pub was interrupted, and the relay did not confirm what was sent'),
  FANWIRE_CONFORM_INTERRUPTED: interrupted('conform was interrupted'),
  FANWIRE_COMPARE_INTERRUPTED: interrupted('the comparison was interrupted'),
  // What was measured, where no table says it (--quiet), and what an objective made of it.
  FANWIRE_BENCH_SLO: failed('an objective of --slo was missed'),
  FANWIRE_BENCH_FAILED: failed('the server failed while it was measured'),
  FANWIRE_BENCH_INVALID: unmeasured("the figures are not the server's: the reason is said"),
  FANWIRE_BENCH_REMARK: remark('what to know of a valid run'),
  // What the relay's own threads tell each other.
  FANWIRE_WORKERS_STUCK: inProcess('workers did not end when they were told to'),
  FANWIRE_PUBLISH: inProcess('`publish` of a relay in a program was given something that cannot be published'),
  FANWIRE_STOPPED: inProcess('a relay in a program was asked for something after its end'),
  FANWIRE_WORKER_GONE: inProcess('a worker has ended'),
  FANWIRE_WORKER_MEMORY: inProcess('a worker came near its heap limit and is started anew'),
  FANWIRE_WORKER_STARTING: inProcess('a worker is still starting'),
  // What the client library rejects promises with.
  FANWIRE_CLIENT_URL: inProcess('the URL cannot be opened'),
  FANWIRE_CLIENT_WEBSOCKET: inProcess('the runtime has no WebSocket: pass one'),
  FANWIRE_CLIENT_TOKEN: inProcess('the token could not be had or renewed'),
  FANWIRE_CLIENT_CLOSED: inProcess('the client is closed'),
  FANWIRE_CLIENT_DISCONNECTED: inProcess('the connection ended for good'),
  FANWIRE_CLIENT_QUEUE_FULL: inProcess('as many publishes wait as may'),
  FANWIRE_CLIENT_UNCONFIRMED: inProcess('the relay did not answer: it may or may not have arrived'),
  FANWIRE_CLIENT_DATA: inProcess('JSON cannot carry what is to be published'),
  FANWIRE_CLIENT_TOO_BIG: inProcess('a publish is larger than the relay takes'),
} as const satisfies Record<`FANWIRE_${string}`, ErrorMeaning>;

export type ErrorCode = keyof typeof ERROR_CODES;

/** What a command that fails with an error of this code ends with. */
export function exitCodeFor(code: string): number {
  return (ERROR_CODES as Record<string, ErrorMeaning>)[code]?.exit ?? Exit.failed;
}
