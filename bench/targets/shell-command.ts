// A command line of the user's, run by /bin/sh so that the server's own process takes the shell's place where it can.

/** `exec` takes the name of a program: no keyword, builtin or list of commands. Variables may stand before it. */
const SIMPLE = /^\s*((?:[A-Za-z_]\w*=(?:'[^']*'|"[^"\\]*"|[^\s'"\\])*\s+)*)([^;&|<>()\n`]+)$/;
const NO_PROGRAM =
  /^(\.|:|!|\{|alias|cd|command|eval|exec|export|for|if|case|read|set|shift|source|trap|ulimit|umask|unset|until|wait|while)(\s|$)/;

/** `command`, with `exec` where it starts one program. Otherwise the shell stays, as the program's parent. */
export function execOf(command: string): string {
  const [, variables = '', program = ''] = SIMPLE.exec(command) ?? [];
  return program === '' || NO_PROGRAM.test(program) ? command : `${variables.trimStart()}exec ${program}`;
}
