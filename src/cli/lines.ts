// Splits a byte stream into lines, byte for byte (readline decodes, which would change a line that is not UTF-8).
import { FanwireError } from '../base/error.js';

const LF = 0x0a;
const CR = 0x0d;

function withoutCr(line: Buffer): Buffer {
  return line.at(-1) === CR ? line.subarray(0, -1) : line;
}

/** A longer line is refused: no relay takes a larger message (--max-payload). */
const MAX_LINE_BYTES = 16 << 20;

/** The first `limit` lines of `input`, without their line ends; a last line need not have one.
 *  @throws FanwireError FANWIRE_PUB_TEXT where a line does not end */
export async function* linesOf(input: AsyncIterable<Buffer>, limit: number): AsyncGenerator<Buffer> {
  let rest: Buffer[] = [];
  let restBytes = 0;
  let count = 0;
  for await (const chunk of input) {
    let start = 0;
    for (let end = chunk.indexOf(LF); end !== -1; end = chunk.indexOf(LF, start)) {
      yield withoutCr(Buffer.concat([...rest, chunk.subarray(start, end)]));
      rest = [];
      restBytes = 0;
      start = end + 1;
      count += 1;
      if (count === limit) return;
    }
    if (start < chunk.length) rest.push(chunk.subarray(start));
    restBytes += chunk.length - start;
    if (restBytes > MAX_LINE_BYTES) {
      throw new FanwireError(
        'FANWIRE_PUB_TEXT',
        `line ${count + 1} has more than 16 MiB, and no relay takes a message of that size`,
      );
    }
  }
  if (rest.length > 0) yield withoutCr(Buffer.concat(rest));
}
