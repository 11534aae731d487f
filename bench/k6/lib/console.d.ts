// The one global that @types/k6 leaves out and these scripts use. Its lines go to k6's log.

declare const console: {
  log(message: string): void;
  error(message: string): void;
};
