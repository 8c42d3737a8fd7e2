/**
 * Host folders in containers beyond the everyday: odd paths, every kind of entry, ownership, faults. One VM for all.
 * QEMU serves them by 9p, as on a Mac; the long run has the same with virtiofs.
 */
import { filesTests } from "./files/tests.ts";

filesTests("9p", { driver: "9p" });
