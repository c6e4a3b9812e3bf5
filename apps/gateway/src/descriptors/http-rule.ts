/** One binding of a google.api.http annotation. */
export interface HttpRule {
  /** Upper case; `*` is any verb. Undefined when the rule has no pattern. */
  readonly verb: string | undefined;
  readonly path: string;
  /** `*`, the name of a field, or empty. */
  readonly body: string;
  /** The name of a field, or empty for the whole response. */
  readonly responseBody: string;
}

/** The message google.api.HttpRule as protobuf-es decodes it. */
interface DecodedRule {
  pattern: { case?: string; value?: string | { kind: string; path: string } };
  body: string;
  responseBody: string;
  additionalBindings: DecodedRule[];
}

/** A decoded rule and its additional bindings, in the order of the proto. */
export function flattenRule(decoded: unknown): HttpRule[] {
  const rule = decoded as DecodedRule;
  return [ownRule(rule), ...rule.additionalBindings.map(ownRule)];
}

function ownRule({ pattern, body, responseBody }: DecodedRule): HttpRule {
  if (typeof pattern.value === 'object') {
    return { verb: pattern.value.kind.toUpperCase(), path: pattern.value.path, body, responseBody };
  }
  return { verb: pattern.case?.toUpperCase(), path: pattern.value ?? '', body, responseBody };
}
