# The libraries that the program is made of, and nothing of the development tools. None has an install script that counts.
{
  lib,
  runCommand,
  npmPackage,
  lock,
}:
runCommand "qn-node-modules-${lock.version}" { } ''
  ${lib.concatMapStrings (package: ''
    mkdir -p "$out/node_modules/${package.folder}"
    tar -xzf ${npmPackage package} -C "$out/node_modules/${package.folder}" --strip-components=1
  '') lock.runtime}
''
