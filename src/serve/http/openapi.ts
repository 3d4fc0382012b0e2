import { z } from 'zod';
import { storedEventSchema } from '../../core/api/told.ts';
import { healthSchema, problemSchema } from '../../core/api/views.ts';
import { routes, type Route } from './routes.ts';

type Json = Readonly<Record<string, unknown>>;

/** The API as OpenAPI 3.1, from the routes themselves and from the schemas that tests hold real answers against. */
export function openApi(version: string): unknown {
  const schemas: Record<string, unknown> = {};
  const schemaOf = (type: z.ZodType): Json => hoisted(type, schemas);
  const responses = problemsOf(schemaOf(problemSchema));
  const problems = Object.fromEntries(
    Object.keys(responses).map((status) => [status, { $ref: `#/components/responses/${status}` }]),
  );
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes)
    (paths[route.path] ??= {})[route.method.toLowerCase()] = operation(route, schemaOf, problems);
  Object.assign(paths, others(schemaOf, problems));
  return {
    openapi: '3.1.0',
    info: { title: 'orchestrate', version, description: 'Rolls of Django without a failed request, by a service.' },
    security: [{ token: [] }],
    components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } }, schemas, responses },
    paths,
  };
}

function operation(
  { path, scope, summary, query, body, status = 200, answer }: Route,
  schemaOf: (type: z.ZodType) => Json,
  problems: Json,
): Json {
  const parts = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
  return {
    summary,
    description: `Needs a token of the scope \`${scope}\`.`,
    parameters: [...parts, ...(query === undefined ? [] : parametersOf(schemaOf(query)))],
    ...(body === undefined ? {} : { requestBody: { required: true, content: json(schemaOf(body)) } }),
    responses: { [String(status)]: { description: 'done', content: json(schemaOf(answer)) }, ...problems },
  };
}

/** What answers otherwise than with JSON, or to everybody. */
const others = (schemaOf: (type: z.ZodType) => Json, problems: Json): Json => ({
  '/v1/events': {
    get: {
      summary: 'what jobs tell, as server-sent events; goes on after Last-Event-ID',
      description:
        'Needs a token of the scope `read`. With `job`, it ends with that job. Each message has `id` and, as `data`, the JSON whose schema is given here; a line with a colon alone is a heartbeat.',
      parameters: [
        {
          name: 'after',
          in: 'query',
          schema: { type: 'integer' },
          description: 'events with a higher id; default: those to come',
        },
        { name: 'job', in: 'query', schema: { type: 'string' }, description: 'of this job alone' },
        {
          name: 'Last-Event-ID',
          in: 'header',
          schema: { type: 'integer' },
          description: 'as `after`, and before it: what browsers send when they connect again',
        },
      ],
      responses: {
        200: { description: 'a stream', content: { 'text/event-stream': { schema: schemaOf(storedEventSchema) } } },
        ...problems,
      },
    },
  },
  '/health': {
    get: {
      summary: 'whether the service can work',
      description: 'Needs no token.',
      security: [],
      responses: {
        200: { description: 'it can', content: json(schemaOf(healthSchema)) },
        503: { description: 'it can not', content: json(schemaOf(healthSchema)) },
      },
    },
  },
  '/metrics': {
    get: {
      summary: 'figures for Prometheus',
      description: 'Needs a token of the scope `read`.',
      responses: {
        200: { description: 'text format 0.0.4', content: { 'text/plain': { schema: { type: 'string' } } } },
        ...problems,
      },
    },
  },
  '/v1/openapi.json': {
    get: {
      summary: 'this document',
      description: 'Needs no token.',
      security: [],
      responses: { 200: { description: 'OpenAPI 3.1', content: json({ type: 'object' }) } },
    },
  },
});

const json = (schema: Json): Json => ({ 'application/json': { schema } });

function problemsOf(schema: Json): Json {
  const problem = (description: string, headers?: Json): Json => ({
    description,
    content: json(schema),
    ...(headers === undefined ? {} : { headers }),
  });
  const later = { 'Retry-After': { schema: { type: 'integer' }, description: 'seconds' } };
  return {
    400: problem('the request can not be read'),
    401: problem('no token, or one that is good for nothing'),
    403: problem('a token of another scope is needed'),
    404: problem('there is no such thing'),
    409: problem('the fleet is not as it must be: nothing was changed'),
    413: problem('the body is too long'),
    422: problem('what is asked for can not be'),
    429: problem('too many wrong tokens from this address', later),
    500: problem('the service has a fault'),
    503: problem('too many watch already', later),
  };
}

/** What has a name of its own goes to the document's components, once. */
function hoisted(type: z.ZodType, schemas: Record<string, unknown>): Json {
  // As input: what a later version adds to an answer is no fault of it.
  const { $schema: _, $defs = {}, ...schema } = z.toJSONSchema(type, { io: 'input', unrepresentable: 'any' });
  const there = (value: unknown): Json =>
    JSON.parse(JSON.stringify(value).replaceAll('"#/$defs/', '"#/components/schemas/'));
  for (const [name, made] of Object.entries($defs)) schemas[name] = there(made);
  return there(schema);
}

const parametersOf = ({ properties = {} }: { readonly properties?: Json }): unknown[] =>
  Object.entries(properties).map(([name, schema]) => ({ name, in: 'query', schema }));
