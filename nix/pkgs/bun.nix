# The Bun that the program is built with and contains: the version that package.json pins, from npm. nixpkgs has another one at
# most times, and the program's inside is Bun's.
{
  lib,
  stdenv,
  autoPatchelfHook,
  npmPackage,
  lock,
}:
let
  packages = {
    x86_64-linux = "@oven/bun-linux-x64";
    aarch64-linux = "@oven/bun-linux-aarch64";
    x86_64-darwin = "@oven/bun-darwin-x64";
    aarch64-darwin = "@oven/bun-darwin-aarch64";
  };
  inherit (stdenv.hostPlatform) system;
  package = lock.package (packages.${system} or (throw "There is no Bun for ${system}."));
in
stdenv.mkDerivation {
  pname = "bun";
  inherit (package) version;
  src = npmPackage package;
  nativeBuildInputs = lib.optional stdenv.hostPlatform.isLinux autoPatchelfHook;
  dontConfigure = true;
  dontBuild = true;
  installPhase = "install -Dm755 bin/bun $out/bin/bun";
  # strip would take the program's inside away, and on macOS its signature.
  dontStrip = true;
  meta = {
    description = "JavaScript runtime, as npm delivers it";
    homepage = "https://bun.sh";
    license = lib.licenses.mit;
    mainProgram = "bun";
    platforms = builtins.attrNames packages;
    sourceProvenance = [ lib.sourceTypes.binaryNativeCode ];
  };
}
