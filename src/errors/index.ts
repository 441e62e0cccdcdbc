export { type CatalogRow, catalog, type ErrorCode } from "./catalog.ts";
export { printable } from "./printable.ts";
export { type ErrorDetails, ProxyError, type UpstreamDetails } from "./proxy-error.ts";
export { httpStatus, toBatchErrors, toJsonRpcError } from "./to-answer.ts";
export { withoutHeaderValues } from "./without-header-values.ts";
