// Four of the sixteen pairs: each client transport with servers on Streamable HTTP.
import { describeServer } from "./matrix.ts";

describeServer("Streamable HTTP");
