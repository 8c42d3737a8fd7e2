# qn itself: `qn` with QEMU and ssh beside it, and `qn-agent` (withQemu = false) for guests, whose closure needs neither.
{
  lib,
  stdenv,
  autoPatchelfHook,
  makeBinaryWrapper,
  versionCheckHook,
  qemu,
  openssh,
  bun,
  nodeModules,
  lock,
  withQemu ? true,
}:
stdenv.mkDerivation {
  pname = if withQemu then "qn" else "qn-agent";
  inherit (lock) version;
  src = lib.fileset.toSource {
    root = ../..;
    fileset = lib.fileset.unions [
      ../../package.json
      ../../bun.lock
      ../../tsconfig.json
      ../../src
      ../../guest
      ../../scripts
    ];
  };
  nativeBuildInputs = [
    bun
    makeBinaryWrapper
  ]
  ++ lib.optional stdenv.hostPlatform.isLinux autoPatchelfHook;

  buildPhase = ''
    runHook preBuild
    export HOME=$TMPDIR
    ln -s ${nodeModules}/node_modules node_modules
    bun scripts/build.ts --force
    runHook postBuild
  '';
  installPhase = ''
    runHook preInstall
    install -Dm755 dist/qn $out/bin/qn
    bun src/main.ts man --to $out/share/man/man1
    runHook postInstall
  '';
  # The program lies in a section of its own behind Bun: what strip leaves is Bun alone.
  dontStrip = true;
  # At the end of the path: a QEMU or ssh that the user has comes first.
  postFixup = lib.optionalString withQemu ''
    wrapProgram $out/bin/qn --suffix PATH : ${
      lib.makeBinPath [
        qemu
        openssh
      ]
    }
  '';
  doInstallCheck = true;
  nativeInstallCheckInputs = [ versionCheckHook ];

  meta = {
    description = "A Docker for Mac and Linux that behaves as if it ran natively";
    license = lib.licenses.mit;
    mainProgram = "qn";
    inherit (bun.meta) platforms;
  };
}
