/** The commands of qn: what its help and completion say of each, and the file that is loaded when it runs. */
import type { Root, Table } from "./tree.ts";
import { version } from "./version.ts";

/** Every command; the order is the one of `qn --help`. */
export const commands: Table = {
  up: {
    description: "Start a VM and wait until its Docker answers",
    example: "qn up",
    load: () => import("./commands/up.ts"),
  },
  down: {
    description: "Stop a VM",
    example: "qn down",
    load: () => import("./commands/down.ts"),
  },
  restart: {
    description: "Stop a VM and start it again",
    example: "qn restart web",
    load: () => import("./commands/restart.ts"),
  },
  status: {
    description: "Show what a VM does",
    example: "qn status",
    load: () => import("./commands/status.ts"),
  },
  ls: {
    description: "List the VMs",
    example: "qn ls --json",
    load: () => import("./commands/ls.ts"),
  },
  ssh: {
    description: "Open a shell in the guest, or run a command: qn ssh [vm] -- command…",
    example: "qn ssh",
    load: () => import("./commands/ssh.ts"),
  },
  "ssh-config": {
    description: "Print the guest's part of ~/.ssh/config",
    example: "qn ssh-config >> ~/.ssh/config",
    load: () => import("./commands/ssh-config.ts"),
  },
  cp: {
    description: "Copy files and folders: qn cp SRC VM:DST, qn cp VM:SRC DST",
    example: "qn cp notes.txt default:/tmp/",
    load: () => import("./commands/cp.ts"),
  },
  env: {
    description: 'Print what makes docker use the VM: eval "$(qn env)"',
    example: 'eval "$(qn env)"',
    load: () => import("./commands/env.ts"),
  },
  ports: {
    description: "Show the forwarded ports, or change those that were made by hand",
    load: () => import("./commands/ports.ts"),
  },
  why: {
    description: "Explain a port of this machine: who has it, who wants it, and why",
    example: "qn why 8080",
    load: () => import("./commands/why.ts"),
  },
  mounts: {
    description: "Show the mounted folders and the containers that use them",
    example: "qn mounts",
    load: () => import("./commands/mounts.ts"),
  },
  logs: {
    description: "Show a VM's logs",
    example: "qn logs -f",
    load: () => import("./commands/logs.ts"),
  },
  clone: {
    description: "Make a VM from a stopped one: its settings, disks and data",
    example: "qn clone default web",
    load: () => import("./commands/clone.ts"),
  },
  rename: {
    description: "Give a stopped VM another name; its data goes with it",
    example: "qn rename web shop",
    load: () => import("./commands/rename.ts"),
  },
  events: {
    description: "Follow a VM's states, ports and errors until it stops",
    example: "qn events",
    load: () => import("./commands/events.ts"),
  },
  doctor: {
    description: "Find what keeps VMs from running, with a fix for each; the exit status is 2 when there is something",
    example: "qn doctor",
    load: () => import("./commands/doctor.ts"),
  },
  report: {
    description: "Pack logs, settings, status and versions for a bug report, without secrets and names",
    example: "qn report",
    load: () => import("./commands/report.ts"),
  },
  delete: {
    description: "Delete a VM; its data disk stays unless --data is given",
    example: "qn delete web",
    load: () => import("./commands/delete.ts"),
  },
  config: {
    description: "Show and change settings",
    load: () => import("./commands/config.ts"),
  },
  image: {
    description: "Build, list and remove guest images",
    load: () => import("./commands/image.ts"),
  },
  deploy: {
    description: "Switch a NixOS guest to a flake's system: qn deploy [VM] FLAKE#NAME; back by itself if it harms",
    example: "qn deploy .#guest",
    load: () => import("./commands/deploy.ts"),
  },
  container: {
    description: "The guest's containers of systemd-nspawn and NixOS",
    load: () => import("./commands/container.ts"),
  },
  "nix-builder": {
    description: "Let this machine's Nix build in a VM",
    load: () => import("./commands/nix-builder.ts"),
  },
  service: {
    description: "Start a VM at login, with launchd or systemd",
    load: () => import("./commands/service.ts"),
  },
  socket: {
    description: "Let /var/run/docker.sock lead to a VM, for programs that look nowhere else",
    load: () => import("./commands/socket.ts"),
  },
  completion: {
    description: "Print what makes a shell complete qn's commands, flags and VMs",
    example: 'eval "$(qn completion bash)"',
    load: () => import("./commands/completion.ts"),
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
};

/** `qn` itself. */
export const root: Root = {
  name: "qn",
  version,
  description: "A Docker that behaves as if it ran on this machine",
  commands,
};
