import type { FieldFacts, Operation } from './migration-report.ts';

/** From this many rows on, building an index blocks writing for too long. */
const MANY_ROWS = 100_000;

/**
 * Why the release that still serves could not live with an operation; null where it can. Additive: what the old code's reading and
 * writing does not notice, and what locks a table no longer than a moment.
 */
export function breaks(operation: Operation): string | null {
  const what = `${operation.op} ${operation.model ?? ''}`.trim();
  const column = `${operation.model ?? '?'}.${operation.field ?? '?'}`;
  switch (operation.op) {
    case 'nothing':
    case 'CreateModel':
    case 'AlterModelOptions':
    case 'AlterModelManagers':
    case 'AlterModelTableComment':
    case 'AlterConstraint':
    case 'RemoveIndex':
    case 'RemoveIndexConcurrently':
    case 'RenameIndex':
    case 'AddIndexConcurrently':
    case 'ValidateConstraint':
    case 'CreateExtension':
    case 'BloomExtension':
    case 'BtreeGinExtension':
    case 'BtreeGistExtension':
    case 'CITextExtension':
    case 'CryptoExtension':
    case 'HStoreExtension':
    case 'TrigramExtension':
    case 'UnaccentExtension':
    case 'CreateCollation':
      return null;
    case 'AddField':
      return operation.to === undefined ? `${what} is not understood` : addField(column, operation.to, operation.rows);
    case 'AlterField':
      return operation.from === undefined || operation.to === undefined
        ? `${what} is not understood`
        : alterField(column, operation.from, operation.to, operation.rows);
    case 'RemoveField':
      return operation.from?.column === null && !operation.from.many_to_many
        ? null
        : `it removes ${column}, which the old release still reads and writes`;
    case 'DeleteModel':
      return `it removes ${operation.model}, which the old release still reads and writes`;
    case 'RenameField':
      return operation.from?.column !== undefined &&
        operation.from.column !== null &&
        operation.from.column === operation.to?.column
        ? null
        : `it renames ${column} to ${operation.new}, and the old release asks for the old name`;
    case 'RenameModel':
      return `it renames ${operation.model}, and the old release asks for the old table`;
    case 'AlterModelTable':
      return operation.from_table === operation.to_table
        ? null
        : `it renames the table ${operation.from_table} to ${operation.to_table}, and the old release asks for the old one`;
    case 'AddIndex':
      return index(`an index on ${operation.model}`, operation.rows);
    case 'AlterIndexTogether':
      return operation.added === 0 ? null : index(`an index on ${operation.model}`, operation.rows);
    case 'AlterUniqueTogether':
      return operation.added === 0 && operation.removed === 0
        ? null
        : `it changes what must be unique together in ${operation.model}: what the old release writes could be refused`;
    case 'AddConstraint':
    case 'AddConstraintNotValid':
      return `it adds the constraint ${operation.name ?? ''} to ${operation.model}: what the old release writes could be refused`;
    case 'RemoveConstraint':
      return operation.constraint === 'CheckConstraint'
        ? null
        : `it removes the constraint ${operation.name ?? ''} of ${operation.model}, which an upsert of the old release may name`;
    case 'AlterOrderWithRespectTo':
      return operation.changed === false ? null : `it changes the column of the order of ${operation.model}`;
    case 'RunSQL':
      return operation.noop === true ? null : 'it runs SQL of its own (RunSQL): what that does can’t be told';
    case 'RunPython':
      return operation.noop === true ? null : 'it runs Python of its own (RunPython): what that does can’t be told';
    default:
      return `${operation.class ?? operation.op} is not known${operation.problem === undefined ? '' : ` (${operation.problem})`}: what it does can’t be told`;
  }
}

function addField(column: string, to: FieldFacts, rows: number | null | undefined): string | null {
  if (to.many_to_many || to.type === null) return null;
  if (to.primary_key) return `it adds the primary key ${column}`;
  if (to.generated) return index(`the generated column ${column}`, rows);
  if (!to.null && to.db_default === null) {
    return to.default
      ? `it adds ${column}, NOT NULL, and Django keeps its default out of the database: the old release’s INSERT fails. Give it a db_default (Django 5), or null=True first`
      : `it adds ${column}, NOT NULL without a default in the database: the old release’s INSERT fails`;
  }
  if (to.db_default === 'expression')
    return `it adds ${column} with a default that the database works out for each row: the table may be written anew under a lock`;
  if (to.unique && to.db_default !== null)
    return `it adds ${column}, unique, with one default for all: the old release’s second INSERT fails`;
  return to.unique || to.indexed ? index(`${column} with an index`, rows) : null;
}

function alterField(column: string, from: FieldFacts, to: FieldFacts, rows: number | null | undefined): string | null {
  if (from.type === null && to.type === null) return null;
  if (from.column !== to.column) return `it renames the column of ${column}, and the old release asks for the old one`;
  if (from.null && !to.null) return `it makes ${column} NOT NULL: the old release may still write NULL`;
  if (from.type !== to.type && !widens(from.type ?? '', to.type ?? ''))
    return `it changes ${column} from ${from.type} to ${to.type}`;
  if (from.collation !== to.collation) return `it changes the collation of ${column}`;
  if (from.primary_key !== to.primary_key) return `it changes the primary key at ${column}`;
  if (from.generated !== to.generated) return `it changes how ${column} is computed`;
  if (!from.unique && to.unique) return `it makes ${column} unique: what the old release writes could be refused`;
  if (from.unique && !to.unique) return `${column} is no longer unique, which an upsert of the old release may rely on`;
  if (to.check !== null && from.check !== to.check)
    return `it adds a check to ${column}: what the old release writes could be refused`;
  if (to.references !== null && from.references !== to.references)
    return `it makes ${column} refer to ${to.references}: what the old release writes could be refused`;
  if (from.db_default !== null && to.db_default === null && !to.null)
    return `it takes the default of ${column} out of the database: the old release’s INSERT may fail`;
  return !from.indexed && to.indexed ? index(`an index on ${column}`, rows) : null;
}

/** Whether all values of one type of column fit the other as they are, without the table being written anew (PostgreSQL). */
function widens(from: string, to: string): boolean {
  const text = /^(?:varchar|character varying)(?:\((\d+)\))?$/;
  const [old, fresh] = [text.exec(from), text.exec(to)];
  if (old !== null)
    return (
      to === 'text' ||
      (fresh !== null && (fresh[1] === undefined || (old[1] !== undefined && Number(fresh[1]) >= Number(old[1]))))
    );
  const number = /^(?:numeric|decimal)\((\d+), ?(\d+)\)$/;
  const [less, more] = [number.exec(from), number.exec(to)];
  return less !== null && more !== null && less[2] === more[2] && Number(more[1]) >= Number(less[1]);
}

function index(what: string, rows: number | null | undefined): string | null {
  if (rows === undefined || rows === null)
    return `it adds ${what}, and how many rows the table has can’t be told: writing would wait until it is built`;
  return rows > MANY_ROWS
    ? `it adds ${what}, and the table has over 100,000 rows: writing would wait until it is built. AddIndexConcurrently does not lock`
    : null;
}
