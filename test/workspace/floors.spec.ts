import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

/** The floors of the house, lowest first: a lib imports only from floors below its own. */
const FLOORS: readonly (readonly string[])[] = [
  ['config', 'errors', 'context', 'contracts'],
  ['observability', 'resilience', 'embedded'],
  ['grpc', 'database', 'cache', 'security'],
  ['messaging'],
  ['health'],
  ['service'],
  ['testing'],
];

const floorOf = (lib: string) => FLOORS.findIndex((floor) => floor.includes(lib));

function sources(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(ts|mts|mjs)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
}

/** The libs that a file imports, and the relative paths. */
function importsOf(path: string): string[] {
  const text = readFileSync(path, 'utf8');
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map((match) => match[1]!);
}

const libs = readdirSync('libs');

describe('floors', () => {
  it('has a floor for every lib', () => {
    expect(libs.filter((lib) => floorOf(lib) < 0)).toEqual([]);
  });

  it.each(libs)('%s imports only from below', (lib) => {
    const wrong = sources(join('libs', lib, 'src'))
      // Specs stand on the roof: they may use whatever shows the behaviour.
      .filter((path) => !/\.(spec|fixture|contract)\.ts$/.test(path) && !path.includes('generated'))
      .flatMap((path) => importsOf(path).map((imported) => ({ path, imported })))
      .filter(({ imported }) => {
        if (imported.includes('apps/')) return true;
        const other = /^@rookery\/([^/]+)/.exec(imported)?.[1];
        return other !== undefined && other !== lib && floorOf(other) >= floorOf(lib);
      });
    expect(wrong).toEqual([]);
  });

  it.each(libs)('%s is entered through its index only', (lib) => {
    const inside = new RegExp(`libs/${lib}/src/(?!index)|@rookery/${lib}/(?!src)`);
    const wrong = [...sources('libs'), ...sources('apps'), ...sources('tools')]
      .filter((path) => !path.startsWith(join('libs', lib)) && !path.includes('generated'))
      .flatMap((path) => importsOf(path).map((imported) => ({ path, imported })))
      .filter(({ imported }) => inside.test(imported) && !imported.startsWith('@rookery/contracts/'));
    expect(wrong).toEqual([]);
  });
});

describe('services', () => {
  const services = readdirSync('apps').filter((app) => app.endsWith('-service'));

  it.each(services)('%s does not reach into another app', (service) => {
    const wrong = sources(join('apps', service)).flatMap((path) =>
      importsOf(path).filter((imported) => imported.includes('apps/') || /\.\.\/\.\.\/(?!src)/.test(imported)),
    );
    expect(wrong).toEqual([]);
  });

  it.each(services)('%s: handlers hold no SQL, providers know no gRPC', (service) => {
    for (const path of sources(join('apps', service))) {
      const imports = importsOf(path);
      if (path.endsWith('.controller.ts')) {
        expect(readFileSync(path, 'utf8'), path).not.toMatch(
          /\b(query|createQueryBuilder|getRepository|InjectRepository)\(/,
        );
      }
      if (path.endsWith('.service.ts')) expect(imports, path).not.toContain('@rookery/grpc');
    }
  });
});
