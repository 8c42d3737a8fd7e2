/** `qn deploy`: brings a NixOS system into a running guest, and goes back when that does not do it good. */
import { command } from "../command.ts";

export const deploy = command({
  name: "deploy",
  description: "Switch a NixOS guest to a flake's system: qn deploy [VM] FLAKE#NAME; back by itself if it harms",
  examples: ["qn deploy .#guest", "qn deploy web ~/machines#web --build host", "qn deploy --rollback"],
  words: true,
  args: {
    build: { type: "string", default: "guest", description: "Where it is built: guest or host", valueHint: "WHERE" },
    boot: { type: "boolean", description: "Only at the guest's next start" },
    rollback: { type: "boolean", description: "To the generation before" },
    "dry-run": { type: "boolean", description: "Build it and show what would change" },
    timeout: { type: "string", description: "Give agent and Docker this many seconds to be well", valueHint: "S" },
  },
  async run({ args }) {
    const { runDeploy } = await import("./deploy-run.ts");
    await runDeploy({
      words: args._,
      builder: args.build,
      isBoot: args.boot === true,
      isRollback: args.rollback === true,
      isDryRun: args["dry-run"] === true,
      timeout: args.timeout,
    });
  },
});
