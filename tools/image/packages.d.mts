export declare function packagesOf(app: string): { inside: string[]; beside: string[] };
export declare function productionPackages(): string[];
export declare function closure(names: string[], packages: Record<string, LockedPackage>): string[];
export declare function requireApp(app: string | undefined, usage: string): void;

interface LockedPackage {
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  peerDependenciesMeta?: Record<string, { optional?: boolean }>;
}
