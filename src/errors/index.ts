export { type CatalogRow, catalog, type ErrorCode } from "./catalog.ts";
