// The reply, built anew for every message as a handler would, in the shapes that the codecs take.
const NAME = 'Field notebook, A5, ruled';
const DESCRIPTION = 'Stitched binding, 96 pages of 90 g paper.';
const QUANTITY = 1_250;
const SIZE_BYTES = 8_589_934_592;
const SECONDS = 1_760_000_000;
const NANOS = 250_000_000;

/**
 * For protobufjs, behind proto-loader or generated.
 * @param {string} id
 */
export function protobufjsItem(id) {
  return {
    id,
    name: NAME,
    description: DESCRIPTION,
    quantity: QUANTITY,
    sizeBytes: SIZE_BYTES,
    price: { currencyCode: 'EUR', units: 12, nanos: 500_000_000 },
    tags: ['paper', 'stationery', 'travel'],
    createTime: { seconds: SECONDS, nanos: NANOS },
  };
}

/**
 * For ts-proto, with bigint and Date.
 * @param {string} id
 */
export function tsProtoItem(id) {
  return {
    id,
    name: NAME,
    description: DESCRIPTION,
    quantity: QUANTITY,
    sizeBytes: BigInt(SIZE_BYTES),
    price: { currencyCode: 'EUR', units: 12n, nanos: 500_000_000 },
    tags: ['paper', 'stationery', 'travel'],
    createTime: new Date(SECONDS * 1_000 + NANOS / 1e6),
  };
}

/**
 * For protobuf-es, as a handler of connect may return it.
 * @param {string} id
 */
export function protobufEsItem(id) {
  return {
    id,
    name: NAME,
    description: DESCRIPTION,
    quantity: QUANTITY,
    sizeBytes: BigInt(SIZE_BYTES),
    price: { currencyCode: 'EUR', units: 12n, nanos: 500_000_000 },
    tags: ['paper', 'stationery', 'travel'],
    createTime: { seconds: BigInt(SECONDS), nanos: NANOS },
  };
}
