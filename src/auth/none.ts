// `--auth none`: every client is anonymous and may use every topic; tokens are ignored.
import type { Authenticator, Identity } from './auth.js';

const ANONYMOUS: Identity = { canSubscribe: () => true, canPublish: () => true };

export const noAuth: Authenticator = { authenticate: () => ANONYMOUS };
