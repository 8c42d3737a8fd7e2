/** Host folders in containers beyond the everyday: odd paths, every kind of entry, ownership, faults. One VM for all. */
import { filesTests } from "./files/tests.ts";

filesTests("9p");
