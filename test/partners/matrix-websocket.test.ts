// Four of the sixteen pairs: each client transport with servers on WebSocket.
import { describeServer } from "./matrix.ts";

describeServer("WebSocket");
