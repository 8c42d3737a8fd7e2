# system.build.qnImage: the guest as an image, `disk.qcow2` and `image.json`, as `qn` keeps them and as services.qn.vms.<name>.image
# wants them.
{
  config,
  lib,
  pkgs,
  modulesPath,
  ...
}:
let
  cfg = config.virtualisation.qn;
  # Called directly: the variant of system.build.images would copy all of nixpkgs into the disk (copyChannel).
  whole = import "${toString modulesPath}/../lib/make-disk-image.nix" {
    inherit config lib pkgs;
    format = "qcow2";
    partitionTableType = "efi";
    label = "nixos";
    additionalSpace = "1024M";
    copyChannel = false;
  };
  # Without KVM the VM that installs the boot loader is emulated: slow, and right all the same.
  disk = lib.overrideDerivation whole (_: {
    requiredSystemFeatures = [ ];
  });
  manifest = cfg.image.manifest // {
    inputs = builtins.hashString "sha256" (builtins.unsafeDiscardStringContext "${config.system.build.toplevel}");
  };
in
{
  system.build.qnImage =
    pkgs.runCommand "qn-image-${cfg.image.name}-${cfg.image.manifest.arch}"
      {
        nativeBuildInputs = [
          pkgs.qemu-utils
          pkgs.jq
        ];
        manifest = builtins.toJSON manifest;
      }
      ''
        mkdir "$out"
        qemu-img convert -c -O qcow2 -o compression_type=zstd ${disk}/nixos.qcow2 "$out/disk.qcow2"
        sha256=$(sha256sum "$out/disk.qcow2" | cut -d ' ' -f 1)
        size=$(stat --format %s "$out/disk.qcow2")
        virtual=$(qemu-img info --output json "$out/disk.qcow2" | jq '."virtual-size"')
        printf %s "$manifest" | jq --arg sha256 "$sha256" --argjson size "$size" --argjson virtual "$virtual" \
          '. + { disk: { sha256: $sha256, sizeBytes: $size, virtualSizeBytes: $virtual } }' > "$out/image.json"
      '';
}
