// Writes bench/result.schema.json from the zod schema: `npm run schema`. A test fails when the two disagree.

import { writeFileSync } from 'node:fs';
import { resultJsonSchema } from '../bench/result/result.js';

const file = new URL('../../bench/result.schema.json', import.meta.url);
writeFileSync(file, `${JSON.stringify(resultJsonSchema(), null, 2)}\n`);
