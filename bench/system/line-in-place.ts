// A line of progress that is written over in place, where the terminal can do that.

/** To the start of the line, which is emptied. */
export const ERASE_LINE = '\r\x1b[K';

/** Whether `stream` is a terminal on which that is more than odd letters: editors' shells say TERM=dumb. */
export function drawsInPlace(stream: NodeJS.WriteStream): boolean {
  return stream.isTTY === true && process.env.TERM !== 'dumb';
}
