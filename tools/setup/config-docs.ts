import { writeFileSync } from 'node:fs';
import { configurationPage } from './configuration-page.js';

/** `npm run docs:config`: writes docs/configuration.md from the configuration classes. */
writeFileSync('docs/configuration.md', configurationPage());
