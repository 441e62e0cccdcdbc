// Four of the sixteen pairs: each client transport with servers on HTTP+SSE.
import { describeServer } from "./matrix.ts";

describeServer("HTTP+SSE");
