import pg from 'pg';

/** SQL whose result nobody reads. */
export interface Statement {
  readonly text: string;
  /**
   * Under which each connection keeps it prepared, so that the server parses and plans it once and not each time: for one
   * text alone, of which there are not many. Unset, it is not kept.
   */
  readonly name?: string;
}

/** A statement that goes ahead of another one; its rows are not read. Values are sent as they are. */
export interface Ahead extends Statement {
  readonly values?: readonly (string | Buffer | null)[];
}

/** What pg's client hands to the query that runs. Its type declarations leave that out. */
interface WireQuery {
  submit(connection: WireConnection): Error | null;
  handleCommandComplete(message: unknown, connection: WireConnection): void;
  handleDataRow(message: unknown): void;
}

interface WireConnection {
  readonly stream: { cork(): void; uncork(): void };
  parse(statement: Statement): void;
  bind(portal: { statement?: string; values?: Ahead['values'] }): void;
  execute(portal: object): void;
  close(what: { type: 'S'; name: string }): void;
}

type Done = (error: Error | null, result: pg.QueryResult) => void;

const Query = pg.Query as unknown as new (config: pg.QueryConfig & { queryMode: 'extended' }, done: Done) => WireQuery;

/**
 * Statements in one write, answered together: those `ahead`, and the one whose result counts. They are one sequence of
 * the extended protocol with one Sync at its end, so a failure of any of them is the failure of all: the server skips what
 * follows it. None of them can be several statements.
 *
 * Source: "Pipelining", https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-PIPELINING
 */
export class StatementBatch extends Query {
  private unanswered: number;

  constructor(
    private readonly ahead: readonly Ahead[],
    statement: pg.QueryConfig,
    /** Names of what the connection keeps prepared. */
    private readonly prepared: Set<string>,
    done: Done,
  ) {
    super({ ...statement, queryMode: 'extended' }, done);
    this.unanswered = ahead.length;
  }

  override submit(connection: WireConnection): Error | null {
    connection.stream.cork();
    try {
      for (const { text, name, values } of this.ahead) {
        if (name === undefined) connection.parse({ text });
        else if (!this.prepared.has(name)) {
          // A batch that failed may have left it; to close what is not there is no error.
          connection.close({ type: 'S', name });
          connection.parse({ text, name });
        }
        connection.bind({ statement: name, values });
        connection.execute({});
      }
      return super.submit(connection);
    } finally {
      connection.stream.uncork();
    }
  }

  override handleDataRow(message: unknown): void {
    if (this.unanswered === 0) super.handleDataRow(message);
  }

  override handleCommandComplete(message: unknown, connection: WireConnection): void {
    if (this.unanswered === 0) return super.handleCommandComplete(message, connection);
    const { name } = this.ahead.at(-this.unanswered)!;
    if (name !== undefined) this.prepared.add(name);
    this.unanswered -= 1;
  }
}
