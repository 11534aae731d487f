// Entry of a generator process: takes the engine's commands over IPC and plays its role.

import { sharedClock } from './clock.js';
import type { GeneratorCommand, GeneratorMessage } from './messages.js';
import { Publishers } from './publishers.js';
import { ReadTurns } from './read-turns.js';
import { Subscribers } from './subscribers.js';

let role: Subscribers | Publishers | undefined;

process.on('message', (command: GeneratorCommand) => {
  if (command.kind === 'setup') {
    const turns = new ReadTurns(sharedClock(command.zeroUnixUs));
    role =
      command.role === 'subscribers' ? new Subscribers(command, turns, send) : new Publishers(command, turns, send);
  } else if (command.kind === 'play') role?.play(command);
  else if (command.kind === 'settle') (role as Subscribers).settle(command);
  else {
    role?.close();
    // The close frames reach the kernel within this turn. Only the IPC channel keeps the process alive, so it exits
    // by itself.
    setTimeout(() => process.exit(0), 50);
  }
});

// The engine has exited, so nobody needs the measurement.
process.on('disconnect', () => process.exit(1));
// Ctrl-C reaches the whole process group, but the engine decides when to end.
process.on('SIGINT', () => {});

function send(message: GeneratorMessage): void {
  process.send?.(message);
}
