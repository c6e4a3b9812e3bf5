import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { configurationPage } from '../../tools/setup/configuration-page.js';

it('docs/configuration.md says what the configuration classes say (npm run docs:config)', () => {
  expect(readFileSync('docs/configuration.md', 'utf8')).toBe(configurationPage());
});
