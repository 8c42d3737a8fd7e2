/** The door to how many descriptors this process may have. */
import { readTextAtOnce } from "./files-at-once.ts";

/** What macOS lets a process have at least (OPEN_MAX, sys/syslimits.h). */
const onMac = 10_240;

/** How many this process may have, files and sockets alike (proc_pid_limits(5)). */
export function openFilesMax(): number {
  return Number(/^Max open files +(\d+)/m.exec(readTextAtOnce("/proc/self/limits") ?? "")?.[1] ?? onMac);
}
