export function withDefaultHost(proto: string, host: string): string;
