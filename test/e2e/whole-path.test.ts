/** The whole path on one VM: the docker command, ports, files and qn's own commands, then what outlives the VM. */
import { testWithVm } from "../support/vm.ts";
import { containersSocketTests } from "./files/sockets.ts";
import { aroundTests, mayBeApart, socketTests } from "./whole-path/around.ts";
import { builderTests, hasBuilder } from "./whole-path/builder.ts";
import { commandTests } from "./whole-path/commands.ts";
import { deployTests } from "./whole-path/deploy.ts";
import { dockerTests } from "./whole-path/docker.ts";
import { endTests, goneTests } from "./whole-path/end.ts";
import { fileTests } from "./whole-path/files.ts";
import { portTests } from "./whole-path/ports.ts";
import { sshTests } from "./whole-path/ssh.ts";
import { viewTests } from "./whole-path/views.ts";

const test = testWithVm();
const skipped = testWithVm(undefined, { lacks: true });
dockerTests(test);
builderTests(hasBuilder ? test : skipped);
portTests(test);
fileTests(test);
containersSocketTests(test);
commandTests(test);
sshTests(test);
viewTests(test);
aroundTests(test);
socketTests(mayBeApart ? test : skipped);
deployTests(test);
endTests(test);
goneTests(test);
