/** What differs when root runs qn: owners and modes of files, the login user, root's own home, and what delete leaves. */
import { testWithVm } from "../support/vm.ts";
import { commandTests } from "./whole-path/commands.ts";
import { goneTests } from "./whole-path/end.ts";
import { homeTests } from "./whole-path/files.ts";

const test = testWithVm();
homeTests(test);
commandTests(test);
goneTests(test);
