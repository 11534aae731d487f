// What the live page says of the relay's certificate: nothing while it is good for long.
import type { StatsReport } from '../stats-report.js';

/** By then an automatic renewal (certbot: a month before the end) has been failing for a while. */
const SOON_DAYS = 14;
const DAY_MS = 86_400_000;

/** Empty, or `certificate ends in 3 days`. */
export function certificateNote({ relay, now }: Pick<StatsReport, 'relay' | 'now'>): string {
  if (relay.tlsExpiresAt === null) return '';
  const days = (Date.parse(relay.tlsExpiresAt) - Date.parse(now)) / DAY_MS;
  if (days <= 0) return 'its certificate has ended';
  if (days > SOON_DAYS) return '';
  if (days < 1) return 'certificate ends within a day';
  return `certificate ends in ${Math.floor(days)} day${Math.floor(days) === 1 ? '' : 's'}`;
}
