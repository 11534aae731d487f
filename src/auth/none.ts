// `--auth none`: every client is anonymous and may use every topic; a token it sends is not looked at.
import type { Authenticator, Identity } from './auth.js';

const ANONYMOUS: Identity = { canSubscribe: () => true, canPublish: () => true };

export const noAuth: Authenticator = { authenticate: () => ANONYMOUS };
