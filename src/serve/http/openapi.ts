import { z } from 'zod';
import { routes } from './routes.ts';

/** The API as OpenAPI 3.1, from the routes themselves. */
export function openApi(version: string): unknown {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const { method, path, scope, summary, query, body, status = 200 } of routes) {
    const parts = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => ({
      name,
      in: 'path',
      required: true,
      schema: { type: 'string' },
    }));
    (paths[path] ??= {})[method.toLowerCase()] = {
      summary,
      description: `Needs a token of the scope \`${scope}\`.`,
      parameters: [...parts, ...(query === undefined ? [] : parametersOf(query))],
      ...(body === undefined ? {} : { requestBody: { required: true, content: json(schemaOf(body)) } }),
      responses: {
        [String(status)]: { description: 'done', content: json({}) },
        ...PROBLEMS,
      },
    };
  }
  paths['/v1/events'] = {
    get: {
      summary: 'what jobs tell, as server-sent events; goes on after Last-Event-ID',
      description: 'Needs a token of the scope `read`. With `job`, it ends with that job.',
      parameters: [
        {
          name: 'after',
          in: 'query',
          schema: { type: 'integer' },
          description: 'events with a higher id; default: those to come',
        },
        { name: 'job', in: 'query', schema: { type: 'string' }, description: 'of this job alone' },
      ],
      responses: { 200: { description: 'a stream', content: { 'text/event-stream': {} } }, ...PROBLEMS },
    },
  };
  return {
    openapi: '3.1.0',
    info: { title: 'orchestrate', version, description: 'Rolls of Django without a failed request, by a service.' },
    security: [{ token: [] }],
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      schemas: {
        Problem: {
          type: 'object',
          properties: {
            error: {
              type: 'object',
              properties: {
                exit: { type: 'integer', description: 'the exit code that the command line would have' },
                message: { type: 'string' },
                next: { type: 'string', description: 'what to do' },
                details: { type: 'array', items: { type: 'string' } },
              },
            },
          },
        },
      },
    },
    paths,
  };
}

const json = (schema: unknown): unknown => ({ 'application/json': { schema } });
const problem = (description: string): unknown => ({
  description,
  content: json({ $ref: '#/components/schemas/Problem' }),
});
const PROBLEMS = {
  400: problem('the request can not be read'),
  401: problem('no token, or one that is good for nothing'),
  403: problem('a token of another scope is needed'),
  404: problem('there is no such thing'),
  409: problem('the fleet is not as it must be: nothing was changed'),
  422: problem('what is asked for can not be'),
  429: problem('too many wrong tokens from this address'),
};

function schemaOf(type: z.ZodType): Record<string, unknown> {
  const { $schema: _, ...schema } = z.toJSONSchema(type, { io: 'input', unrepresentable: 'any' });
  return schema;
}

function parametersOf(query: z.ZodType): unknown[] {
  const { properties = {} } = schemaOf(query) as { properties?: Record<string, unknown> };
  return Object.entries(properties).map(([name, schema]) => ({ name, in: 'query', schema }));
}
