// What a command's exit code says; each command's --help and README name them too.

export const Exit = {
  good: 0,
  failed: 1,
  usage: 2,
  /** A benchmark or comparison whose figures are not the server's. */
  invalid: 3,
  /** As a shell reports a program that SIGINT ended. */
  interrupted: 130,
} as const;
