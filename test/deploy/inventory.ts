import { componentProblems, manifestProblems } from './manifest-schema.js';
import { components, overlays } from './overlays.js';
import { autoscalerOf } from './replicas.js';
import type { Resource } from '../../tools/doctor/deployment/resource.js';

// `npm run manifests`: what each overlay and each component comes to. It ends with 1 when a manifest is wrong.

const print = (line: string) => process.stdout.write(`${line}\n`);

function printKinds(resources: readonly Resource[], named: (resource: Resource) => string): void {
  const kinds = [...new Set(resources.map(({ kind }) => kind))].toSorted();
  for (const kind of kinds) {
    const names = resources.filter((resource) => resource.kind === kind).map(named);
    print(`  ${String(names.length).padStart(3)}  ${kind.padEnd(24)} ${names.toSorted().join(', ')}`);
  }
}

function report(problems: readonly string[], count: number): void {
  for (const problem of problems) print(`       ${problem}`);
  print(problems.length > 0 ? `  ${problems.length} problems\n` : `  ${count} resources, each valid\n`);
  if (problems.length > 0) process.exitCode = 1;
}

for (const { name, rendered, cluster } of overlays) {
  print(`overlay ${name}`);
  printKinds(rendered, ({ kind, metadata }) => {
    const scaled = kind === 'Deployment' ? autoscalerOf(cluster, metadata.name) : undefined;
    return scaled ? `${metadata.name} × ${scaled.minReplicas}–${scaled.maxReplicas}` : metadata.name;
  });
  report(
    rendered.flatMap((resource) => manifestProblems(resource).map((problem) => `${resource.kind}: ${problem}`)),
    rendered.length,
  );
}

for (const { name, resources } of components) {
  print(`component ${name}`);
  printKinds(resources, ({ metadata }) => metadata.name);
  report(resources.flatMap(componentProblems), resources.length);
}
