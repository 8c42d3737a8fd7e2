/** The whole path on one VM: the docker command, ports, files and qn's own commands, then what outlives the VM. */
import { testWithVm } from "../support/vm.ts";
import { commandTests } from "./whole-path/commands.ts";
import { dockerTests } from "./whole-path/docker.ts";
import { endTests, goneTests } from "./whole-path/end.ts";
import { fileTests } from "./whole-path/files.ts";
import { portTests } from "./whole-path/ports.ts";
import { sshTests } from "./whole-path/ssh.ts";
import { viewTests } from "./whole-path/views.ts";

const test = testWithVm();
dockerTests(test);
portTests(test);
fileTests(test);
commandTests(test);
sshTests(test);
viewTests(test);
endTests(test);
goneTests(test);
