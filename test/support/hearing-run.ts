/** Hears a QEMU and its guest as the supervisor does, as a program that can be stopped: `… FOLDER-OF-VM`. */
import { basename, dirname } from "node:path";
import { layoutOf } from "../../src/host/layout.ts";
import { keepConsole } from "../../src/host/supervisor/boot/console.ts";
import { limitLogs } from "../../src/host/supervisor/boot/log-limit.ts";
import { nextWords } from "../../src/host/supervisor/boot/voice.ts";

/** What it says once it hears. */
export type Said = "hearing\n";

const [folder = ""] = process.argv.slice(2);
const { serialSocket, logs, ...paths } = layoutOf(dirname(folder)).vm(basename(folder));
limitLogs([logs.serial, logs.qemu], 20_000);
await keepConsole(serialSocket, logs.serial);
nextWords({ serialSocket, logs, ...paths });
process.stdout.write("hearing\n" satisfies Said);
