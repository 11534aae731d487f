// Where a command puts what it has measured.
import { option } from '../../config/option.js';
import { optional, text, toggle } from '../../config/types.js';

/** A file that is written where it is named. */
export function fileOption(flag: string, description: string) {
  return option({
    flag,
    argument: 'file',
    description,
    type: optional(text('the path of a file, or - for stdout')),
    default: undefined,
  });
}

export const quiet = option({
  flag: 'quiet',
  letter: 'q',
  description: 'Print no table',
  type: toggle(),
  default: false,
});
