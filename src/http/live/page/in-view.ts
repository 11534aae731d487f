// Work that is worth its cost only while somebody looks at what it fills.

export interface Repeated {
  /** Runs the work now, if it is in view, and then again at its pace. */
  now(): void;
}

/**
 * Runs `work` when `section` comes into view and then `everyMs` after it ended, as long as it is in view, the tab is
 * shown and `mayRun` says so. Never twice at a time.
 */
export function whileInView(
  section: HTMLElement,
  everyMs: number,
  mayRun: () => boolean,
  work: () => Promise<void>,
): Repeated {
  let inView = false;
  let running = false;
  let again = false;
  let timer: number | undefined;
  const run = async (): Promise<void> => {
    clearTimeout(timer);
    if (running) {
      again = true;
      return;
    }
    if (!inView || document.hidden || !mayRun()) {
      timer = window.setTimeout(run, everyMs);
      return;
    }
    running = true;
    await work();
    running = false;
    timer = window.setTimeout(run, again ? 0 : everyMs);
    again = false;
  };
  new IntersectionObserver((entries) => {
    const before = inView;
    inView = entries.at(-1)?.isIntersecting ?? false;
    if (inView && !before) void run();
  }).observe(section);
  document.addEventListener('visibilitychange', () => void run());
  return { now: () => void run() };
}
