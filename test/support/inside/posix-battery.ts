/**
 * Calls of POSIX and Linux on one folder, a line for each: `bun posix-battery.ts FOLDER`. Run on two file systems, the lines
 * are the same but where they differ. Nothing of them depends on times, inode numbers or the machine.
 */
import { call } from "./posix-calls.ts";
import { handles } from "./posix-handles.ts";
import { metadata } from "./posix-metadata.ts";
import { names } from "./posix-names.ts";
import { special } from "./posix-special.ts";
import { finish, inSection } from "./posix-tools.ts";

call("umask", 0o022);
for (const [name, run] of Object.entries({ ...handles, ...metadata, ...names, ...special })) inSection(name, run);
finish();
