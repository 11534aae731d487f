// The package's public entry: what a program may import from `fanwire`.
export { FanwireError } from './protocol/codes.js';
