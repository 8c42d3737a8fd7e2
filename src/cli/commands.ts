/** The commands of qn: what its help and completion say of each, and the file that is loaded when it runs. */
import type { Root, Table } from "./tree.ts";
import { version } from "./version.ts";

/** Every command; the order is the one of `qn --help`. */
export const commands: Table = {
  up: {
    section: "Start here",
    description: "Create (if needed) and start a VM; wait until its Docker answers",
    aliases: ["start"],
    example: "qn up",
    load: () => import("./commands/up.ts"),
  },
  down: {
    section: "Start here",
    description: "Shut a VM down",
    aliases: ["stop"],
    example: "qn down",
    load: () => import("./commands/down.ts"),
  },
  restart: {
    section: "Start here",
    description: "Shut a VM down and start it again",
    example: "qn restart web",
    load: () => import("./commands/restart.ts"),
  },
  status: {
    section: "Start here",
    description: "Show a VM's state; exits 3 if it is not running",
    aliases: ["info"],
    example: "qn status",
    load: () => import("./commands/status.ts"),
  },
  ls: {
    section: "Start here",
    description: "List the VMs",
    aliases: ["list", "ps"],
    example: "qn ls --json",
    load: () => import("./commands/ls.ts"),
  },
  delete: {
    section: "Start here",
    description: "Delete a VM; its data disk stays unless --data is given",
    aliases: ["rm"],
    example: "qn delete web",
    load: () => import("./commands/delete.ts"),
  },
  env: {
    section: "Use it",
    description: "Print the variables for programs that ignore Docker contexts",
    example: 'eval "$(qn env)"',
    load: () => import("./commands/env.ts"),
  },
  ssh: {
    section: "Use it",
    description: "Open a shell in the guest, or run a command there",
    aliases: ["shell"],
    usage: "ssh [VM] [OPTIONS] [-- COMMAND...]",
    example: "qn ssh",
    load: () => import("./commands/ssh.ts"),
  },
  cp: {
    section: "Use it",
    description: "Copy files and folders between this machine and a VM",
    aliases: ["copy"],
    example: "qn cp notes.txt default:/tmp/",
    load: () => import("./commands/cp.ts"),
  },
  logs: {
    section: "Use it",
    description: "Show a VM's logs",
    example: "qn logs -f",
    load: () => import("./commands/logs.ts"),
  },
  ports: {
    section: "Use it",
    description: "List the forwarded ports; forward a port by hand",
    load: () => import("./commands/ports.ts"),
  },
  mounts: {
    section: "Use it",
    description: "List the mounted folders and the containers that use them",
    example: "qn mounts",
    load: () => import("./commands/mounts.ts"),
  },
  doctor: {
    section: "Find out",
    description: "Check this machine and print a fix for each problem; exits 2 if there is one",
    example: "qn doctor",
    load: () => import("./commands/doctor.ts"),
  },
  why: {
    section: "Find out",
    description: "Explain a port: which program or container has it, which one wants it, and why",
    example: "qn why 8080",
    load: () => import("./commands/why.ts"),
  },
  events: {
    section: "Find out",
    description: "Follow a VM's states, ports and errors until it stops",
    example: "qn events",
    load: () => import("./commands/events.ts"),
  },
  report: {
    section: "Find out",
    description: "Pack logs, settings, status and versions for a bug report, without secrets",
    example: "qn report",
    load: () => import("./commands/report.ts"),
  },
  config: {
    section: "Set up",
    description: "Show and change settings",
    load: () => import("./commands/config.ts"),
  },
  disk: {
    section: "Set up",
    description: "List a VM's disks, add one, or remove one",
    load: () => import("./commands/disk.ts"),
  },
  image: {
    section: "Set up",
    description: "Fetch, build, list and remove guest images",
    load: () => import("./commands/image.ts"),
  },
  service: {
    section: "Set up",
    description: "Start a VM at login and after a crash, with launchd or systemd",
    load: () => import("./commands/service.ts"),
  },
  socket: {
    section: "Set up",
    description: "Point /var/run/docker.sock to a VM, for programs that look nowhere else",
    load: () => import("./commands/socket.ts"),
  },
  completion: {
    section: "Set up",
    description: "Print what makes a shell complete qn's commands, flags and VMs",
    example: 'eval "$(qn completion bash)"',
    load: () => import("./commands/completion.ts"),
  },
  clone: {
    section: "More VMs",
    description: "Make a VM from a stopped one: its settings, disks and data",
    example: "qn clone default web",
    load: () => import("./commands/clone.ts"),
  },
  rename: {
    section: "More VMs",
    description: "Give a stopped VM another name; its data goes with it",
    example: "qn rename web shop",
    load: () => import("./commands/rename.ts"),
  },
  snapshot: {
    section: "More VMs",
    description: "Keep a stopped VM's settings and disks as they are, and come back to them",
    aliases: ["snapshots"],
    load: () => import("./commands/snapshot.ts"),
  },
  data: {
    section: "More VMs",
    description: "Take a VM's Docker data to another machine, as one file",
    load: () => import("./commands/data.ts"),
  },
  "ssh-config": {
    section: "More VMs",
    description: "Print the guest's part of ~/.ssh/config, for scp, rsync and editors",
    example: "qn ssh-config >> ~/.ssh/config",
    load: () => import("./commands/ssh-config.ts"),
  },
  deploy: {
    section: "Nix",
    description: "Switch a NixOS guest to a flake's system; roll back if the guest is not healthy then",
    usage: "deploy [VM] FLAKE#NAME [OPTIONS]",
    example: "qn deploy .#guest",
    load: () => import("./commands/deploy.ts"),
  },
  container: {
    section: "Nix",
    description: "Manage the guest's systemd-nspawn and NixOS containers",
    load: () => import("./commands/container.ts"),
  },
  "nix-builder": {
    section: "Nix",
    description: "Let this machine's Nix build Linux packages in a VM",
    load: () => import("./commands/nix-builder.ts"),
  },
  agent: {
    description: "Serve the host from inside the guest",
    hidden: true,
    load: () => import("./commands/agent.ts"),
  },
  complete: {
    description: "Print what may come next on a command line",
    hidden: true,
    load: async () => ({ command: (await import("./commands/complete.ts")).completeFor(root) }),
  },
  supervise: {
    description: "Own a VM's QEMU, listeners and sockets until it stops",
    hidden: true,
    load: () => import("./commands/supervise.ts"),
  },
  virtiofs: {
    description: "Serve a mount to QEMU",
    hidden: true,
    load: () => import("./commands/virtiofs.ts"),
  },
};

/** What other programs call what qn has under another name. */
const habits: Readonly<Record<string, string>> = {
  create: "qn up",
  init: "qn up",
  run: "qn up",
  exec: "qn ssh -- COMMAND",
  inspect: "qn status --json",
  edit: "qn config edit",
  set: "qn config set",
  template: "qn config edit --all",
  validate: "qn doctor",
  update: "qn image build --fresh",
  autostart: "qn service install",
  "start-at-login": "qn service install",
  tunnel: "qn ports add",
  "show-ssh": "qn ssh-config",
  images: "qn image ls",
  diagnose: "qn report",
};

/** `qn` itself. */
export const root: Root = {
  name: "qn",
  version,
  description: "A Docker that behaves as if it ran on this machine",
  examples: ["qn up", "docker run --rm -p 8080:80 nginx", "qn why 8080", "qn up web --cpus 4 --memory 8G", "qn down"],
  habits,
  commands,
};
