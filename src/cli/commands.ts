/** The command tree: every command of qn by its name. */
import { type CommandDef, defineCommand } from "citty";
import { agent } from "./commands/agent.ts";
import { clone } from "./commands/clone.ts";
import { completeFor, completion } from "./commands/completion.ts";
import { config } from "./commands/config.ts";
import { container } from "./commands/container.ts";
import { cp } from "./commands/cp.ts";
import { deleteVm } from "./commands/delete.ts";
import { deploy } from "./commands/deploy.ts";
import { doctor } from "./commands/doctor.ts";
import { down } from "./commands/down.ts";
import { env } from "./commands/env.ts";
import { events } from "./commands/events.ts";
import { image } from "./commands/image.ts";
import { logs } from "./commands/logs.ts";
import { ls } from "./commands/ls.ts";
import { mounts } from "./commands/mounts.ts";
import { nixBuilder } from "./commands/nix-builder.ts";
import { ports } from "./commands/ports.ts";
import { rename } from "./commands/rename.ts";
import { report } from "./commands/report.ts";
import { restart } from "./commands/restart.ts";
import { service } from "./commands/service.ts";
import { socket } from "./commands/socket.ts";
import { sshConfig } from "./commands/ssh-config.ts";
import { ssh } from "./commands/ssh.ts";
import { status } from "./commands/status.ts";
import { supervise } from "./commands/supervise.ts";
import { up } from "./commands/up.ts";
import { version } from "./version.ts";
import { why } from "./commands/why.ts";

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
