import type { ServerKind } from './server-kind.js';

/** What there is on this machine to get one kind of server from. */
export interface Surroundings {
  /** The value of the kind's variable. */
  url?: string;
  /** A program on PATH or in one of the usual folders. */
  program?: string;
  apt: boolean;
  docker: boolean;
}

export type Candidate =
  | { provider: 'environment'; url: string }
  | { provider: 'path'; program: string }
  | { provider: 'package' }
  | { provider: 'docker' };

/**
 * The order of preference: what the user names, what is installed, what can be unpacked without touching the system,
 * what Docker runs. A later one is for when an earlier one fails; an URL has no substitute.
 */
export function candidates({ url, program, apt, docker }: Surroundings): Candidate[] {
  if (url) return [{ provider: 'environment', url }];
  const list: Candidate[] = [];
  if (program) list.push({ provider: 'path', program });
  if (apt) list.push({ provider: 'package' });
  if (docker) list.push({ provider: 'docker' });
  return list;
}

/** The error for a machine where nothing worked: what was tried, and how to install one. */
export function nothingWorked(kind: ServerKind, found: Surroundings, failures: string[]): Error {
  const missing = [
    !found.program && `no ${kind.programs.join(' or ')} on PATH or in the usual folders`,
    !found.apt && 'no apt-get to unpack Debian packages with',
    !found.docker && 'no Docker that answers',
  ].filter((each) => typeof each === 'string');
  return new Error(
    [
      `${kind.title} could not be started. What was tried:`,
      ...[`${kind.variable} is not set`, ...missing, ...failures].map((each) => `  - ${each}`),
      `Install one (Debian: apt-get install ${kind.debianPackage}; macOS: brew install ${kind.brewFormula}), ` +
        `start Docker, or set ${kind.variable}.`,
    ].join('\n'),
  );
}
