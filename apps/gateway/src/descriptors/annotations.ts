import {
  type DescExtension,
  type DescField,
  type DescMethod,
  type DescService,
  type FileRegistry,
  getOption,
  hasOption,
} from '@bufbuild/protobuf';
import { type HttpRule, flattenRule } from './http-rule.js';

/** google.api.FieldBehavior, the values that mean something to a REST client. */
export enum FieldBehavior {
  REQUIRED = 2,
  OUTPUT_ONLY = 3,
  INPUT_ONLY = 4,
  IDENTIFIER = 8,
}

/**
 * Reads the options of google/api that the gateway lives on. The extensions are looked up in the descriptor set itself,
 * so that no generated code is needed; one that the set does not contain counts as used nowhere.
 */
export class Annotations {
  private readonly http: DescExtension | undefined;
  private readonly host: DescExtension | undefined;
  private readonly behavior: DescExtension | undefined;

  constructor(registry: FileRegistry) {
    this.http = registry.getExtension('google.api.http');
    this.host = registry.getExtension('google.api.default_host');
    this.behavior = registry.getExtension('google.api.field_behavior');
  }

  /** The method's rule and its additional bindings; empty when it has none. */
  httpRules(method: DescMethod): HttpRule[] {
    if (!this.http || !hasOption(method, this.http)) return [];
    return flattenRule(getOption(method, this.http));
  }

  /** `user-service:50051`, or undefined when the service names none. */
  defaultHost(service: DescService): string | undefined {
    if (!this.host || !hasOption(service, this.host)) return undefined;
    const host = getOption(service, this.host);
    return typeof host === 'string' && host !== '' ? host : undefined;
  }

  behaves(field: DescField, behavior: FieldBehavior): boolean {
    if (!this.behavior || !hasOption(field, this.behavior)) return false;
    const behaviors = getOption(field, this.behavior);
    return Array.isArray(behaviors) && behaviors.includes(behavior);
  }
}
