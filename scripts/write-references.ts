// Writes what is made from the source, pages of docs/ and what the k6 scripts copy: `npm run docs`. Tests fail when one
// of them and its source disagree.
import { writeFileSync } from 'node:fs';
import { COPIED, copiedText, copyOf } from './k6-copies.js';
import { madePages } from './pages.js';

const docs = new URL('../../docs/', import.meta.url);
for (const [name, page] of Object.entries(madePages(docs))) writeFileSync(new URL(name, docs), page);
for (const name of COPIED) writeFileSync(copyOf(name), copiedText(name));
