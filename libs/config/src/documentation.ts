import type { ConfigClass } from './load-config.js';
import { type Variable, variablesOf } from './variables.js';

/** A config class and the heading under which the documentation shows it. */
export interface Documented {
  title: string;
  type: ConfigClass;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return value.length > 0 ? `\`${value.join(',')}\`` : 'none';
  return `\`${String(value)}\``;
}

function defaultOf({ default: fallback, productionDefault, requiredInProduction, unset }: Variable): string {
  const parts = [];
  if (fallback !== undefined) parts.push(shown(fallback));
  else if (unset !== undefined) parts.push(unset);
  if (productionDefault !== undefined) parts.push(`${shown(productionDefault)} in production`);
  if (requiredInProduction) parts.push('**required in production**');
  return parts.length > 0 ? parts.join('; ') : '**required**';
}

/** Markdown that describes every variable of the classes: one table a class. */
export function documentConfig(documented: readonly Documented[]): string {
  return documented
    .map(({ title, type }) => {
      const rows = variablesOf(type).map((variable) => {
        const cells = [`\`${variable.name}\``, variable.takes, defaultOf(variable), variable.description];
        return `| ${cells.map(cell).join(' | ')} |`;
      });
      return [`## ${title}`, '', '| variable | takes | default | |', '|---|---|---|---|', ...rows, ''].join('\n');
    })
    .join('\n');
}
