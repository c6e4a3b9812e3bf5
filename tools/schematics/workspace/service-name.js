import pluralize from 'pluralize';

/** Names that mean something else in a workspace. */
const RESERVED = new Set([
  'gateway',
  'platform',
  'infra',
  'service',
  'google',
  'grpc',
  'rookery',
  'test',
  'health',
  'event',
]);
/** What neither TypeScript nor protobuf takes as a name. */
const KEYWORDS = new Set(
  (
    'break case catch class const continue debugger default delete do else enum export extends false finally for function if ' +
    'import in instanceof new null return super switch this throw true try typeof var void while with yield let static ' +
    'implements interface package private protected public await async message option optional repeated reserved returns rpc ' +
    'stream syntax oneof map string bool bytes double float object undefined'
  ).split(' '),
);
const LONGEST = 40;

/**
 * Everything that a service is called, from any of `payment-service`, `PaymentService`, `payment_service` and `payment`.
 * @param {string} given
 * @throws {Error} when no service can be called that
 */
export function serviceName(given) {
  const words = String(given ?? '')
    .trim()
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .toLowerCase()
    .split(/[-_\s]+/);
  if (words.length > 1 && words.at(-1) === 'service') words.pop();
  const kebab = words.join('-');
  if (!words.every((word) => /^[a-z][a-z0-9]*$/.test(word))) {
    throw new Error(`"${given}" is no name for a service; it takes letters and digits, such as payment-service.`);
  }
  if (kebab.length > LONGEST)
    throw new Error(`"${given}" is too long; a service's name has at most ${LONGEST} letters.`);
  if (RESERVED.has(kebab) || KEYWORDS.has(kebab))
    throw new Error(`"${kebab}" is reserved; call the service something else.`);
  const plural = [...words.slice(0, -1), pluralize(words.at(-1))];
  if (plural.join() === words.join()) {
    throw new Error(
      `"${kebab}" is a plural, or has none; name the service after one of what it keeps, such as payment.`,
    );
  }
  const pascal = (parts) => parts.map((part) => part[0].toUpperCase() + part.slice(1)).join('');
  const camel = (parts) => parts[0] + pascal(parts.slice(1));
  const snake = words.join('_');
  return {
    /** payment-service */
    app: `${kebab}-service`,
    kebab,
    /** The folder below proto/, and the first part of the package. */
    domain: snake,
    protoPackage: `${snake}.v1`,
    snake,
    snakePlural: plural.join('_'),
    table: plural.join('_'),
    Entity: pascal(words),
    Entities: pascal(plural),
    entity: camel(words),
    entities: camel(plural),
    CONSTANT: snake.toUpperCase(),
    words: words.join(' '),
    wordsPlural: plural.join(' '),
    /** The database, and its role. */
    role: `${snake}_service`,
    /** PAYMENT_SERVICE */
    variable: `${snake.toUpperCase()}_SERVICE`,
  };
}
