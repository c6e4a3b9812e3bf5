import type { Labels } from '../../tools/doctor/deployment/resource.js';

/** A label selector. */
export interface Selector {
  readonly matchLabels?: Labels;
  readonly matchExpressions?: readonly { key: string; operator: string; values?: readonly string[] }[];
}

/** Whether labels are what a selector asks for; an empty one takes all. @throws {Error} for an operator other than In */
export function selects({ matchLabels = {}, matchExpressions = [] }: Selector, labels: Labels): boolean {
  const other = matchExpressions.find(({ operator }) => operator !== 'In');
  if (other) throw new Error(`${other.key} ${other.operator}: this reads only In`);
  return (
    Object.entries(matchLabels).every(([label, value]) => labels[label] === value) &&
    matchExpressions.every(({ key, values = [] }) => values.includes(labels[key]!))
  );
}
