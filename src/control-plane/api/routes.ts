// Every route of the REST API, with what it takes and gives: the router and the OpenAPI document are both made from this table.
import type { z } from "zod";
import * as s from "./schema.ts";

export interface Route {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  /** Under /api/v1; {name} and the like are parameters. */
  readonly path: string;
  readonly summary: string;
  readonly body?: z.ZodType;
  readonly query?: Readonly<Record<string, string>>;
  /** Absent: 204 without a body. */
  readonly answer?: z.ZodType;
  readonly status: 200 | 201 | 202 | 204;
  /** `open` asks for nothing. Everything else is the admin's. */
  readonly access: "open" | "admin";
  /** Takes If-Match with the connector's ETag: `needed` answers 428 without one. */
  readonly ifMatch?: "taken" | "needed";
  /** Not JSON. */
  readonly contentType?: string;
}

const admin = { access: "admin" } as const;

export const routes = {
  whoami: {
    method: "GET",
    path: "/whoami",
    summary: "Who the caller is",
    answer: s.whoamiSchema,
    status: 200,
    ...admin,
  },
  login: {
    method: "POST",
    path: "/login",
    summary: "Exchange the one-time code of the printed link for a cookie",
    body: s.loginSchema,
    answer: s.whoamiSchema,
    status: 200,
    access: "open",
  },
  logout: { method: "POST", path: "/logout", summary: "End the cookie", status: 204, access: "open" },
  loginLink: {
    method: "POST",
    path: "/login-links",
    summary: "Make a new one-time login link",
    answer: s.loginLinkSchema,
    status: 201,
    ...admin,
  },
  openapi: {
    method: "GET",
    path: "/openapi.json",
    summary: "This document",
    status: 200,
    access: "open",
    contentType: "application/json",
  },
  events: {
    method: "GET",
    path: "/events",
    summary: "What happens, live (text/event-stream)",
    query: { connector: "Only of this connector" },
    answer: s.liveEventSchema,
    status: 200,
    contentType: "text/event-stream",
    ...admin,
  },
  stats: {
    method: "GET",
    path: "/stats",
    summary: "Calls, losses and restores over time",
    query: { connector: "Only of this connector" },
    answer: s.statsSchema,
    status: 200,
    ...admin,
  },
  settings: {
    method: "GET",
    path: "/settings",
    summary: "How the hub was started",
    answer: s.settingsSchema,
    status: 200,
    ...admin,
  },
  changeSettings: {
    method: "PATCH",
    path: "/settings",
    summary: "Change what can be changed while it runs",
    body: s.settingsChangeSchema,
    answer: s.settingsSchema,
    status: 200,
    ...admin,
  },
  listTokens: {
    method: "GET",
    path: "/tokens",
    summary: "API tokens, without their secrets",
    answer: s.tokenListSchema,
    status: 200,
    ...admin,
  },
  addToken: {
    method: "POST",
    path: "/tokens",
    summary: "Make an API token",
    body: s.newTokenSchema,
    answer: s.createdTokenSchema,
    status: 201,
    ...admin,
  },
  revokeToken: { method: "DELETE", path: "/tokens/{id}", summary: "Revoke an API token", status: 204, ...admin },
  listConnectors: {
    method: "GET",
    path: "/connectors",
    summary: "All connectors",
    answer: s.connectorListSchema,
    status: 200,
    ...admin,
  },
  addConnector: {
    method: "POST",
    path: "/connectors",
    summary: "Add a connector",
    body: s.newConnectorSchema,
    answer: s.connectorSchema,
    status: 201,
    ...admin,
  },
  getConnector: {
    method: "GET",
    path: "/connectors/{name}",
    summary: "One connector",
    answer: s.connectorSchema,
    status: 200,
    ...admin,
  },
  editConnector: {
    method: "PATCH",
    path: "/connectors/{name}",
    summary: "Change a connector",
    body: s.connectorChangeSchema,
    answer: s.connectorSchema,
    status: 200,
    ifMatch: "needed",
    ...admin,
  },
  removeConnector: {
    method: "DELETE",
    path: "/connectors/{name}",
    summary: "Remove a connector and everything of it",
    status: 204,
    ifMatch: "taken",
    ...admin,
  },
  connect: {
    method: "POST",
    path: "/connectors/{name}/connect",
    summary: "Want it connected",
    answer: s.connectorSchema,
    status: 200,
    ifMatch: "taken",
    ...admin,
  },
  disconnect: {
    method: "POST",
    path: "/connectors/{name}/disconnect",
    summary: "Want it disconnected; ends its sessions on both sides",
    answer: s.connectorSchema,
    status: 200,
    ifMatch: "taken",
    ...admin,
  },
  signIn: {
    method: "POST",
    path: "/connectors/{name}/sign-in",
    summary: "Begin to sign in to the connector's server: a link for the browser",
    body: s.newSignInSchema,
    answer: s.begunSignInSchema,
    status: 201,
    ...admin,
  },
  signInProgress: {
    method: "GET",
    path: "/connectors/{name}/sign-in/{id}",
    summary: "What has become of a sign-in that was begun",
    answer: s.signInProgressSchema,
    status: 200,
    ...admin,
  },
  signOut: {
    method: "DELETE",
    path: "/connectors/{name}/sign-in",
    summary: "Sign out of the connector's server: forget the credential, and have it revoked where that is offered",
    answer: s.signedOutSchema,
    status: 200,
    ...admin,
  },
  test: {
    method: "POST",
    path: "/connectors/{name}/test",
    summary: "Ask the server now, on a session of the hub's own",
    answer: s.testResultSchema,
    status: 200,
    ...admin,
  },
  upgrade: {
    method: "POST",
    path: "/connectors/{name}/upgrade",
    summary: "Start the connector's program anew and move its sessions there, without a call lost",
    answer: s.upgradeResultSchema,
    status: 200,
    ...admin,
  },
  doctor: {
    method: "POST",
    path: "/connectors/{name}/doctor",
    summary: "Find out which step toward the server fails",
    answer: s.doctorReportSchema,
    status: 200,
    ...admin,
  },
  tools: {
    method: "GET",
    path: "/connectors/{name}/tools",
    summary: "The server's tools",
    answer: s.toolListSchema,
    status: 200,
    ...admin,
  },
  exchanges: {
    method: "GET",
    path: "/connectors/{name}/exchanges",
    summary: "The last exchanges and restores",
    query: { after: "Only those with a higher seq", limit: "At most this many, the newest" },
    answer: s.exchangeListSchema,
    status: 200,
    ...admin,
  },
  bodies: {
    method: "GET",
    path: "/connectors/{name}/exchanges/{seq}/bodies",
    summary: "The bodies of one exchange, where they are kept",
    answer: s.bodiesSchema,
    status: 200,
    ...admin,
  },
  changeInspector: {
    method: "PATCH",
    path: "/connectors/{name}/inspector",
    summary: "Keep the bodies of exchanges from now on, or forget them",
    body: s.inspectorChangeSchema,
    status: 204,
    ...admin,
  },
  listSessions: {
    method: "GET",
    path: "/connectors/{name}/sessions",
    summary: "The connector's sessions",
    answer: s.sessionListSchema,
    status: 200,
    ...admin,
  },
  breakSession: {
    method: "POST",
    path: "/connectors/{name}/sessions/{session}/break",
    summary: "Let the session's next request carry a dead id, to see it heal",
    answer: s.sessionSchema,
    status: 202,
    ...admin,
  },
  endSession: {
    method: "DELETE",
    path: "/connectors/{name}/sessions/{session}",
    summary: "End a session on both sides",
    status: 204,
    ...admin,
  },
  reload: {
    method: "POST",
    path: "/reload",
    summary: "Follow at once what another process has written into the store",
    status: 204,
    ...admin,
  },
} as const satisfies Record<string, Route>;

export type RouteName = keyof typeof routes;
