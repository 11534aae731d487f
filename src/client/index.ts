// `fanwire/client`: what a program may import. Runs in browsers, Node, Bun and Deno; no dependencies.
export { FanwireError } from '../base/error.js';
export type { Member, Position } from '../protocol/ops.js';
export { type ClientEvents, type ClientOptions, type ClientState, FanwireClient, type Published } from './client.js';
export type { Gap, Message, Subscription, SubscriptionEvents } from './subscription.js';
