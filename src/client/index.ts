// `fanwire/client`: what a program may import. Runs in browsers, Node, Bun and Deno; no dependencies.
export { FanwireError } from '../base/error.js';
export type { Member, Position } from '../protocol/ops.js';
export {
  type ClientOptions,
  FanwireClient,
  type Published,
  type PublishOptions,
} from './client.js';
export type { ClientEvents, ClientState } from './connection.js';
export type { Unpublishable } from './payload.js';
export type { Gap, Message, SubscribeOptions, Subscription, SubscriptionEvents } from './subscription.js';
