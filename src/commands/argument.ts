// A command's own numbers and sizes, read and refused as the relay's options are.
import type { z } from 'zod';
import { FanwireError } from '../protocol/codes.js';

/** A commander argument parser for `flag`; throws FanwireError FANWIRE_USAGE_RANGE. */
export function argument<T>(flag: string, type: z.ZodType<T>): (value: string) => T {
  return (value) => {
    const result = type.safeParse(value);
    if (result.success) return result.data;
    throw new FanwireError('FANWIRE_USAGE_RANGE', `${flag} must be ${type.description}, got ${JSON.stringify(value)}`);
  };
}
