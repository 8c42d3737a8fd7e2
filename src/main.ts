/** The entry: hands the command line to the commands. */
import { runCommandLine } from "./cli/boundary.ts";

void runCommandLine(process.argv.slice(2));
