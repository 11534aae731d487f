// Writes docs/configuration.md from the option schema: `npm run docs`. A test fails when the two disagree.
import { writeFileSync } from 'node:fs';
import { configurationReference } from '../src/config/reference.js';

writeFileSync(new URL('../../docs/configuration.md', import.meta.url), configurationReference());
