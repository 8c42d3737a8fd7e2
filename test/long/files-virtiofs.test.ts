/** Host folders in containers where qn serves them by virtiofs, as `auto` chooses on Linux. */
import { filesTests } from "../e2e/files/tests.ts";

filesTests(process.platform === "linux" ? "virtiofs" : "9p", { driver: "auto" });
