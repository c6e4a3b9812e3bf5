export const CLASS_NAME: RegExp;
export function fileNameOf(name: string, timestamp: number): string;
