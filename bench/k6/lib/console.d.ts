// The only global that these scripts use and @types/k6 lacks. Its lines go to k6's log.

declare const console: {
  log(message: string): void;
  error(message: string): void;
};
