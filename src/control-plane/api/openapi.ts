// The OpenAPI 3.1 document, made from the routes' own schemas, so that what is documented is what is checked.
import { z } from "zod";
import { type Route, routes } from "./routes.ts";
import { problemSchema } from "./schema.ts";

const jsonType = "application/json";
const problemType = "application/problem+json";

export function openApiDocument(version: string): Readonly<Record<string, unknown>> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const [name, route] of Object.entries<Route>(routes)) {
    const path = `/api/v1${route.path}`;
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(name, route) };
  }
  return {
    openapi: "3.1.0",
    info: { title: "Holdfast", version },
    components: { securitySchemes: { token: { type: "http", scheme: "bearer" } } },
    paths,
  };
}

function operation(name: string, route: Route): Readonly<Record<string, unknown>> {
  const { body, answer, status, contentType = jsonType } = route;
  return {
    operationId: name,
    summary: route.summary,
    security: route.access === "open" ? [] : [{ token: [] }],
    parameters: parameters(route),
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: { [jsonType]: { schema: toSchema(body, "input") } } } }),
    responses: {
      [status]: {
        description: "Done.",
        ...(answer === undefined ? {} : { content: { [contentType]: { schema: toSchema(answer, "output") } } }),
      },
      default: {
        description: "What is wrong (RFC 9457).",
        content: { [problemType]: { schema: toSchema(problemSchema, "output") } },
      },
    },
  };
}

function parameters({ path, query = {}, ifMatch }: Route): readonly object[] {
  const schema = { type: "string" };
  return [
    ...[...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({ name, in: "path", required: true, schema })),
    ...Object.entries(query).map(([name, description]) => ({ name, in: "query", description, schema })),
    ...(ifMatch === undefined
      ? []
      : [
          {
            name: "If-Match",
            in: "header",
            required: ifMatch === "needed",
            description: "The ETag of the connector that this change is meant for",
            schema,
          },
        ]),
  ];
}

function toSchema(schema: z.ZodType, io: "input" | "output"): object {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io });
  return rest;
}
