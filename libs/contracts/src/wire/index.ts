export { BinaryReader } from './binary-reader.js';
export { BinaryWriter } from './binary-writer.js';
