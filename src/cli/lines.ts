// Splits a byte stream into lines, byte for byte (readline decodes, which would change a line that is not UTF-8).

const LF = 0x0a;
const CR = 0x0d;

function withoutCr(line: Buffer): Buffer {
  return line.at(-1) === CR ? line.subarray(0, -1) : line;
}

/** The first `limit` lines of `input`, without their line ends; a last line need not have one. */
export async function* linesOf(input: AsyncIterable<Buffer>, limit: number): AsyncGenerator<Buffer> {
  let rest: Buffer[] = [];
  let left = limit;
  for await (const chunk of input) {
    let start = 0;
    for (let end = chunk.indexOf(LF); end !== -1; end = chunk.indexOf(LF, start)) {
      yield withoutCr(Buffer.concat([...rest, chunk.subarray(start, end)]));
      rest = [];
      start = end + 1;
      left -= 1;
      if (left === 0) return;
    }
    if (start < chunk.length) rest.push(chunk.subarray(start));
  }
  if (rest.length > 0) yield withoutCr(Buffer.concat(rest));
}
