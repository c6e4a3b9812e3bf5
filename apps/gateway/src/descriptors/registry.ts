import { type DescService, type FileRegistry, createFileRegistry, fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { Annotations } from './annotations.js';
import { ContractError } from './contract-error.js';
import { type RestBinding, bindRule, rpcName } from './rest-binding.js';

/**
 * What the gateway serves: every RPC with a google.api.http annotation, as a descriptor set says it. Nothing in the
 * gateway knows a service by another way.
 */
export class ApiRegistry {
  readonly types: FileRegistry;
  readonly annotations: Annotations;
  readonly bindings: readonly RestBinding[];
  /** The services that have at least one binding, in the order of the protos. */
  readonly services: readonly DescService[];

  /**
   * @param descriptors a google.protobuf.FileDescriptorSet with all imports, as `buf build` writes it
   * @throws {ContractError} when an annotation cannot be served
   */
  constructor(descriptors: Uint8Array) {
    this.types = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptors));
    this.annotations = new Annotations(this.types);
    const problems: string[] = [];
    this.bindings = this.readBindings(problems);
    problems.push(...conflicts(this.bindings));
    if (problems.length > 0) throw new ContractError(problems);
    this.services = [...new Set(this.bindings.map(({ method }) => method.parent))];
  }

  private readBindings(problems: string[]): RestBinding[] {
    const bindings: RestBinding[] = [];
    const services = [...this.types].filter((type): type is DescService => type.kind === 'service');
    for (const method of services.flatMap((service) => service.methods)) {
      this.annotations.httpRules(method).forEach((rule, index) => {
        try {
          bindings.push(bindRule(method, rule, index));
        } catch (error) {
          problems.push(`${rpcName(method)}: ${(error as Error).message}`);
        }
      });
    }
    return bindings;
  }
}

/** Two bindings that the same request would match equally well. */
function conflicts(bindings: readonly RestBinding[]): string[] {
  const seen = new Map<string, RestBinding>();
  const problems: string[] = [];
  for (const binding of bindings) {
    const key = `${binding.verb} ${binding.template.shape}`;
    const other = seen.get(key);
    if (other) {
      problems.push(
        `${binding.rpc}: ${binding.verb} ${binding.template.source} is the path of ${other.rpc} too ` +
          `(${other.template.source}); give one of them another path`,
      );
    } else {
      seen.set(key, binding);
    }
  }
  return problems;
}
