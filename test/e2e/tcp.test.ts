/** TCP through a forward as TCP should be: ends, resets, slow readers, many connections, many bytes, and Docker's clients. */
import { streamServer } from "../support/stream-server.ts";
import { testWithVm } from "../support/vm.ts";
import { clientTests } from "./tcp/clients.ts";
import { manyTests } from "./tcp/many.ts";
import { roundTests } from "./tcp/rounds.ts";
import { streamTests } from "./tcp/streams.ts";

/** The ports of the server in the container, and the ones of this machine that lead there. 99 is nobody's. */
const server = streamServer([80, 81, 82, 83, 84, 85, 86, 99]);
const { portOf } = server;
const test = testWithVm(server.boot);
streamTests(test, portOf);
manyTests(test, portOf);
roundTests(test);
clientTests(test);
