// Writes the pages of docs/ that are made from tables in the source: `npm run docs`. Tests fail when a page and its
// table disagree.
import { writeFileSync } from 'node:fs';
import { configurationReference } from '../src/config/reference.js';
import { errorReference } from './error-reference.js';

const docs = new URL('../../docs/', import.meta.url);
writeFileSync(new URL('configuration.md', docs), configurationReference());
writeFileSync(new URL('errors.md', docs), errorReference());
