// Four of the sixteen pairs: each client transport with servers on stdio.
import { describeServer } from "./matrix.ts";

describeServer("stdio");
