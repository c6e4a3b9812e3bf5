/** What all orders of these tests are for. */
export const ITEM = { sku: 'book', quantity: 1, unitPrice: { currencyCode: 'EUR', units: '1', nanos: 0 } };
