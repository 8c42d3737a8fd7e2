# The arguments that nixpkgs' function of this name is given here; it builds nothing.
{
  config,
  lib,
  pkgs,
  format ? "raw",
  partitionTableType ? "legacy",
  label ? "nixos",
  additionalSpace ? "512M",
  copyChannel ? true,
}:
pkgs.writeText "nixos-disk-image" (
  builtins.toJSON {
    inherit
      format
      partitionTableType
      label
      additionalSpace
      copyChannel
      ;
  }
)
