import { parser } from '@prometheus-io/lezer-promql';

/** What an expression asks Prometheus for. */
export interface Query {
  /** Names of series. */
  readonly series: readonly string[];
  /** Labels that it matches or groups by. */
  readonly labels: readonly string[];
}

/** @throws {Error} where `expression` is no PromQL */
export function readQuery(expression: string): Query {
  const series = new Set<string>();
  const labels = new Set<string>();
  parser.parse(expression).iterate({
    enter({ name, type, from, to, node }) {
      const text = expression.slice(from, to);
      if (type.isError) {
        throw new Error(`${expression} is no PromQL: ${JSON.stringify(expression.slice(from))} is not understood`);
      }
      if (name === 'Identifier' && node.parent?.name === 'VectorSelector') series.add(text);
      if (name === 'LabelName') labels.add(text);
    },
  });
  return { series: [...series], labels: [...labels] };
}
