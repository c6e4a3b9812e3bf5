export declare function bundleOf(app: string): string;
export declare function buildApps(apps: readonly string[], say?: (line: string) => void): void;
