# systemd.services and its like as NixOS declares them, and the text of each unit as NixOS writes it, for systemd itself to judge.
{ lib, pkgs }:
let
  inherit (lib) mkOption types;
  option = type: default: mkOption { inherit type default; };
  strings = option (types.listOf types.str) [ ];
  # The pattern is NixOS' own (lib/systems/lib.nix, unitNameType).
  unitNames = option (types.listOf (
    types.strMatching "[a-zA-Z0-9@%:_.\\-]+[.](service|socket|device|mount|automount|swap|target|path|timer|scope|slice)"
  )) [ ];
  scalar = types.oneOf [
    types.bool
    types.int
    types.str
    types.path
    types.package
  ];
  section = option (types.attrsOf (types.nullOr (types.either scalar (types.listOf scalar)))) { };

  unitOptions = {
    enable = option types.bool true;
    description = option types.singleLineStr "";
    documentation = strings;
    requires = unitNames;
    wants = unitNames;
    after = unitNames;
    before = unitNames;
    bindsTo = unitNames;
    partOf = unitNames;
    conflicts = unitNames;
    wantedBy = unitNames;
    requiredBy = unitNames;
    unitConfig = section;
    restartIfChanged = option types.bool true;
    stopIfChanged = option types.bool true;
  };

  word = value: if value == true then "true" else if value == false then "false" else toString value;
  lines =
    values:
    lib.concatStrings (
      lib.concatLists (
        lib.mapAttrsToList (name: value: map (each: "${name}=${word each}\n") (if builtins.isList value then value else [ value ])) (
          lib.filterAttrs (_: value: value != null) values
        )
      )
    );
  unitSection =
    unit:
    "[Unit]\n"
    + lines (
      lib.filterAttrs (_: value: value != "") {
        Description = unit.description;
        Documentation = toString unit.documentation;
        Requires = toString unit.requires;
        Wants = toString unit.wants;
        After = toString unit.after;
        Before = toString unit.before;
        BindsTo = toString unit.bindsTo;
        PartOf = toString unit.partOf;
        Conflicts = toString unit.conflicts;
      }
      // unit.unitConfig
    );
  script = name: content: "${pkgs.writeShellScript name content}";

  service =
    { name, config, ... }:
    {
      options = unitOptions // {
        path = option (types.listOf (types.either types.package types.str)) [ ];
        environment = option (types.attrsOf (types.nullOr (types.oneOf [
          types.str
          types.path
          types.package
        ]))) { };
        script = option types.lines "";
        serviceConfig = section;
        text = mkOption { type = types.str; };
      };
      config = {
        # What NixOS gives each service, and nothing else.
        path = lib.mkAfter [
          pkgs.coreutils
          pkgs.findutils
          pkgs.gnugrep
          pkgs.gnused
          pkgs.systemd
        ];
        serviceConfig.ExecStart = lib.mkIf (config.script != "") (script "${name}-start" config.script);
        text =
          unitSection config
          + "\n[Service]\n"
          + lib.concatStrings (
            lib.mapAttrsToList (variable: value: "Environment=${builtins.toJSON "${variable}=${toString value}"}\n") (
              { PATH = "${lib.makeBinPath config.path}:${lib.makeSearchPathOutput "bin" "sbin" config.path}"; }
              // lib.filterAttrs (_: value: value != null) config.environment
            )
          )
          + lib.optionalString (!config.restartIfChanged) "X-RestartIfChanged=false\n"
          + lib.optionalString (!config.stopIfChanged) "X-StopIfChanged=false\n"
          + lines config.serviceConfig;
      };
    };

  plain = types.attrsOf (types.submodule { options = unitOptions; });
in
{
  services = option (types.attrsOf (types.submodule service)) { };
  sockets = option plain { };
  timers = option (types.attrsOf (
    types.submodule {
      options = unitOptions // {
        timerConfig = section;
      };
    }
  )) { };
  targets = option plain { };
}
