export declare function useFastCodecs(folder: string, wire: string): void;
