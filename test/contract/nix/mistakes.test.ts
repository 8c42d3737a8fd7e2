/** What somebody may get wrong in a configuration, and that Nix says so by name before anything is built. */
import { type Mistake, refuses, systems } from "../../support/nix.ts";

const guest = (words: string): string => `{ virtualisation.qn = { enable = true; ${words} }; }`;

refuses("guest", systems.linux, {
  "an unknown option": ["{ virtualisation.qn.enabel = true; }", "virtualisation.qn.enabel"],
  "an unknown option of the image": [guest("image.nam = 1;"), "virtualisation.qn.image.nam"],
  "an unknown option of the agent": ["{ services.qn-agent.packge = null; }", "services.qn-agent.packge"],
  "a text instead of a switch": ['{ virtualisation.qn.enable = "yes"; }', "virtualisation.qn.enable"],
  "a number instead of a switch": ["{ services.qn-agent.enable = 1; }", "services.qn-agent.enable"],
  "an image's name with a space": [guest('image.name = "my image";'), "virtualisation.qn.image.name"],
  "an image's name in capitals": [guest('image.name = "NixOS";'), "virtualisation.qn.image.name"],
  "an image's name that is a number": [guest("image.name = 26;"), "virtualisation.qn.image.name"],
  "an image's version that is empty": [guest('image.version = "";'), "virtualisation.qn.image.version"],
  "an image's version that is a list": [guest('image.version = [ "1" ];'), "virtualisation.qn.image.version"],
  "a package that is a path": [
    '{ virtualisation.qn.enable = true; services.qn-agent.package = "/usr/bin/qn"; }',
    "services.qn-agent.package",
  ],
  "a package that is not there": [
    "{ pkgs, ... }: { virtualisation.qn.enable = true; services.qn-agent.package = pkgs.qnn; }",
    "qnn",
  ],
  "a boot loader beside its own": [
    '{ virtualisation.qn.enable = true; boot.loader.timeout = "never"; }',
    "boot.loader.timeout",
  ],
  "a log driver that Docker does not have": [
    '{ virtualisation.qn.enable = true; virtualisation.docker.logDriver = "jsn"; }',
    "virtualisation.docker.logDriver",
  ],
  "a unit of a wrong name": [
    '{ virtualisation.qn.enable = true; systemd.services.qn-agent.after = [ "docker" ]; }',
    "systemd.services.qn-agent.after",
  ],
  "a sysctl that NixOS sets, at its own priority": [
    '{ lib, ... }: { virtualisation.qn.enable = true; boot.kernel.sysctl."kernel.pid_max" = lib.mkDefault 4194304; }',
    `boot.kernel.sysctl."kernel.pid_max"' is defined multiple times`,
  ],
  "another sshd port": [
    '{ virtualisation.qn.enable = true; services.openssh.ports = [ "22" ]; }',
    "services.openssh.ports",
  ],
});

/** What is wrong for a VM on every kind of host. */
const ofVm: Readonly<Record<string, Mistake>> = {
  "an unknown setting": [vms("web.settings.cpu = 2;"), "services.qn.vms.web.settings.cpu"],
  "an unknown setting of a section": [vms("web.settings.ports.bnd = 1;"), "services.qn.vms.web.settings.ports.bnd"],
  "a text instead of a number": [vms('web.settings.cpus = "two";'), "services.qn.vms.web.settings.cpus"],
  "no processor": [vms("web.settings.cpus = 0;"), "services.qn.vms.web.settings.cpus"],
  "too little memory": [vms("web.settings.memoryMiB = 511;"), "services.qn.vms.web.settings.memoryMiB"],
  "half a GiB of disk": [vms("web.settings.diskGiB = 2.5;"), "services.qn.vms.web.settings.diskGiB"],
  "an architecture in Debian's words": [vms('web.settings.arch = "arm64";'), "services.qn.vms.web.settings.arch"],
  "an accelerator that is not known": [vms('web.settings.accel = "xen";'), "services.qn.vms.web.settings.accel"],
  "a share that is no absolute path": [
    vms('web.settings.mounts = [ { path = "src"; } ];'),
    "services.qn.vms.web.settings.mounts",
  ],
  "a share without a path": [
    vms("web.settings.mounts = [ { readOnly = true; } ];"),
    'services.qn.vms.web.settings.mounts."[definition 1-entry 1]".path',
  ],
  "an unknown word of a share": [vms('web.settings.mounts = [ { path = "/srv"; readonly = true; } ];'), "readonly"],
  "ports that are bound nowhere": [vms('web.settings.ports.bind = "lan";'), "services.qn.vms.web.settings.ports.bind"],
  "a name of an interface that is too long": [
    vms('web.settings.network.tap = "sixteen-letters0";'),
    "services.qn.vms.web.settings.network.tap",
  ],
  "an address of a group": [
    vms('web.settings.network.mac = "01:00:00:00:00:01";'),
    "services.qn.vms.web.settings.network.mac",
  ],
  "a switch that is a text": [vms('web.settings.sound = "on";'), "services.qn.vms.web.settings.sound"],
  "an image that is a text": [vms('web.image = "debian";'), "services.qn.vms.web.image"],
  "an unknown option of a VM": [vms("web.autostart = true;"), "services.qn.vms.web.autostart"],
  "a VM's name with a capital": [vms("Web = { };"), "services.qn.vms.Web: a VM's name has lower-case letters"],
  "a VM's name that ends in a hyphen": [vms("web- = { };"), "services.qn.vms.web-: a VM's name has"],
  "a package that is no package": [
    '{ services.qn = { enable = true; package = "qn"; vms.web = { }; }; }',
    "services.qn.package",
  ],
  "a folder with a slash at its end": [
    '{ services.qn = { enable = true; stateDir = "/srv/qn/"; vms.web = { }; }; }',
    "services.qn.stateDir",
  ],
};

refuses("host", systems.linux, {
  ...ofVm,
  "a bridge of a name that is too long": [vms('web.bridge = "a-bridge-of-sixteen";'), "services.qn.vms.web.bridge"],
  "a bridge and a TAP device": [
    `{ lib, ... }: ${vms('web = { bridge = "br0"; settings.network.tap = lib.mkForce "vm0"; };')}`,
    "services.qn.vms.web: settings.network.tap and bridge both say",
  ],
  "root as the user of QEMU": [
    '{ services.qn = { enable = true; user = "root"; vms.web = { }; }; }',
    "services.qn.user: QEMU needs no root",
  ],
  "a folder that a guest's data disk has": [
    '{ services.qn = { enable = true; stateDir = "/var/lib/qn"; vms.web = { }; }; }',
    "services.qn.stateDir: /var/lib/qn is the data disk",
  ],
  "a folder whose path is too long for sockets": [
    `{ services.qn = { enable = true; stateDir = "/${"s".repeat(90)}"; vms.web = { }; }; }`,
    "have paths of more than 103 bytes",
  ],
});

refuses("darwin", systems.darwin, {
  ...Object.fromEntries(
    Object.entries(ofVm).map(([name, [module, words]]) => [name, [forUser(module), words] as const]),
  ),
  "no user whose agents they could be": [vms("web = { };"), "set system.primaryUser"],
  "a TAP device": [
    forUser(vms('web.settings.network.tap = "vm0";')),
    "services.qn.vms.web.settings.network.tap: only Linux has TAP devices",
  ],
  "a bridge": [forUser(vms('web.bridge = "br0";')), "services.qn.vms.web.bridge"],
});

refuses("home", [systems.linux[0], systems.darwin[1]], {
  ...ofVm,
  "a bridge": [vms('web.bridge = "br0";'), "services.qn.vms.web.bridge"],
  "a relative log folder": [
    '{ services.qn = { enable = true; logDir = "logs"; vms.web = { }; }; }',
    "services.qn.logDir",
  ],
});

function vms(words: string): string {
  return `{ services.qn = { enable = true; vms = { ${words} }; }; }`;
}

/** nix-darwin's agents are a user's. */
function forUser(module: string): string {
  return module.replace(/\}$/, 'system.primaryUser = "ann"; }');
}
