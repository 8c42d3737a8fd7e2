/** What of the clients' own tests is known to fail, and why that says nothing about qn. */

const hub = "it asks Docker Hub for what the made registry has not, or past it";
/** Programs that Alpine's Node.js image has: getent, getpcaps, and node in /usr/local. */
const image = "it asks for programs that the made image lacks, or has elsewhere";

/** By the names of suites, and of their tests. */
export const known: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "docker-py": {
    "AttachContainerTest::test_attach_no_stream":
      "what a container has printed is not always there yet, at the daemon's socket too",
    "AttachContainerTest::test_run_container_reading_socket_ws": "its websocket library refuses the address",
    "InspectDistributionTest::test_inspect_distribution": hub,
    "ContainerCollectionTest::test_run_with_image_that_does_not_exist": hub,
    "ImageCollectionTest::test_pull_multiple": hub,
    "ImageCollectionTest::test_pull_with_sha": hub,
  },
  dockerode: {
    "#docker #searchImages should return search results": hub,
    "#plugin #install should pull a plugin": hub,
    "#plugin #install should enable a plugin": hub,
    "#plugin #install should remove a plugin": hub,
  },
  testcontainers: {
    "GenericContainer network should set network aliases": image,
    "GenericContainer network should set extra hosts": image,
    "GenericContainer should set command": image,
    "GenericContainer should add capabilities": image,
    "GenericContainer should return first mapped port with regardless of protocol": hub,
    "GenericContainer should bind to specified host port with a different protocol": hub,
    "GenericContainer should set bind mounts": "it mounts a folder of its source, which this VM has no mount for",
    "GenericContainer should set ulimits": "this machine's root may not raise limits",
  },
  "moby-container": {
    TestCreatePlatformSpecificImageNoPlatform: "it wants an image for another processor, from Docker Hub",
  },
  "moby-volume": {
    TestVolumesInspect: "it changes a file of the daemon's, which it takes for this machine's",
  },
};
