// Lints an OpenAPI document with Redocly's recommended rules; prints what they find.
import { readFile } from 'node:fs/promises';
import { createConfig, lintFromString } from '@redocly/openapi-core';

const config = await createConfig({ extends: ['recommended'] });
const problems = await lintFromString({ source: await readFile(process.argv[2], 'utf8'), absoluteRef: 'openapi.json', config });
console.log(JSON.stringify(problems.map((problem) => ({ severity: problem.severity, rule: problem.ruleId, message: problem.message, at: problem.location[0]?.pointer }))));
