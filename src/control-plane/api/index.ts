export { createApi } from "./app.ts";
export { Live } from "./live.ts";
export { Logins } from "./logins.ts";
export { openApiDocument } from "./openapi.ts";
export type { HubApi } from "./ports.ts";
export type { DoctorReport } from "./schema.ts";
export { HubSettings } from "./settings.ts";
export { Tokens } from "./tokens.ts";
export { connectorView, exchangeView, restoreView, sessionView } from "./views.ts";
