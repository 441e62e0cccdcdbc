export { type Hub, startHub } from "./hub.ts";
