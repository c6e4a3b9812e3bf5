export const GENERATED_FILE: string;
export function readGenerated(text: string | undefined): Map<string, string>;
export function writeGenerated(files: Map<string, string>): string;
export function mergeServiceFiles(about: {
  readonly folder: string;
  readonly before: Map<string, string>;
  readonly now: Map<string, string>;
  readonly read: (path: string) => string | undefined;
}): Promise<{
  readonly files: Map<string, string>;
  readonly left: { readonly path: string; readonly reason: string; readonly missing: string[] }[];
  readonly generated: Map<string, string>;
}>;
