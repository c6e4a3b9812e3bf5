import type { Result } from './examine.js';
import type { Finding } from './finding.js';

/** A line for each check; what it found below it, each with its fix. */
export function report(results: readonly Result[]): string {
  const lines = results.flatMap(({ check, promise, findings, note }) => [
    `${verdictOf(findings)}  ${check}: ${promise}`,
    ...(note === undefined ? [] : [`      (${note})`]),
    ...findings.flatMap(linesOf),
  ]);
  return [...lines, '', summary(results.flatMap(({ findings }) => findings))].join('\n');
}

function linesOf({ severity, what, where, fix }: Finding): string[] {
  const [first, ...others] = what.split('\n');
  return [
    `      ${severity}  ${where === undefined ? '' : `${where}  `}${first}`,
    ...others.map((line) => `        ${line}`),
    `        fix: ${fix}`,
  ];
}

function summary(findings: readonly Finding[]): string {
  if (findings.length === 0) return 'Nothing is wrong.';
  const count = (severity: Finding['severity']) => findings.filter((finding) => finding.severity === severity).length;
  const [errors, warnings] = [count('error'), count('warning')];
  return `${errors} error${errors === 1 ? '' : 's'}, ${warnings} warning${warnings === 1 ? '' : 's'}.`;
}

function verdictOf(findings: readonly Finding[]): string {
  if (findings.length === 0) return 'ok  ';
  return findings.some(({ severity }) => severity === 'error') ? 'FAIL' : 'warn';
}
