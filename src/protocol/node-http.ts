// Node's HTTP server, fetched without an import. An import of node:http by its URL makes Node read every export of it, and with `WebSocket` load its
// whole fetch: 85 of the 115 ms that a program with nothing else in it takes to start (measured on Node 24.21). Holds nothing of its own.
export const { createServer, STATUS_CODES: httpStatusText } = process.getBuiltinModule("node:http");
