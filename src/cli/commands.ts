/** The command tree: every command of qn by its name. */
import { type CommandDef, defineCommand } from "citty";
import { agent } from "./agent.ts";
import { clone } from "./clone.ts";
import { completeFor, completion } from "./completion.ts";
import { config } from "./config.ts";
import { container } from "./container.ts";
import { cp } from "./cp.ts";
import { deleteVm } from "./delete.ts";
import { deploy } from "./deploy.ts";
import { doctor } from "./doctor.ts";
import { down } from "./down.ts";
import { env } from "./env.ts";
import { events } from "./events.ts";
import { image } from "./image.ts";
import { logs } from "./logs.ts";
import { ls } from "./ls.ts";
import { mounts } from "./mounts.ts";
import { nixBuilder } from "./nix-builder.ts";
import { ports } from "./ports.ts";
import { rename } from "./rename.ts";
import { report } from "./report.ts";
import { restart } from "./restart.ts";
import { service } from "./service.ts";
import { socket } from "./socket.ts";
import { sshConfig } from "./ssh-config.ts";
import { ssh } from "./ssh.ts";
import { status } from "./status.ts";
import { supervise } from "./supervise.ts";
import { up } from "./up.ts";
import { version } from "./version.ts";
import { why } from "./why.ts";

/** Every command; the order is the one of `qn --help`. */
export const commands: Record<string, CommandDef> = {
  up,
  down,
  restart,
  status,
  ls,
  ssh,
  "ssh-config": sshConfig,
  cp,
  env,
  ports,
  why,
  mounts,
  logs,
  clone,
  rename,
  events,
  doctor,
  report,
  delete: deleteVm,
  config,
  image,
  deploy,
  container,
  "nix-builder": nixBuilder,
  service,
  socket,
  completion,
  agent,
  complete: completeFor(() => root),
  supervise,
};

/** `qn` itself. */
export const root: CommandDef = defineCommand({
  meta: { name: "qn", version, description: "A Docker that behaves as if it ran on this machine" },
  subCommands: commands,
});
