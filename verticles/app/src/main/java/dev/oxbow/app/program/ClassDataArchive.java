package dev.oxbow.app.program;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Archive of the classes of one copy as one JVM has parsed them (class-data sharing): halves the
 * time of a start. Named {@code <JVM>.<CRC-32C>.jsa}: the JVM ignores an archive that another one
 * has made, but trusts the content, and a damaged one would crash it.
 */
final class ClassDataArchive {
  private static final String SUFFIX = ".jsa";
  private static final int FIRST_WITH_AOT = 24;

  private ClassDataArchive() {}

  /** The archive of this JVM in an entry of the cache, if there is one and it is undamaged. */
  static Optional<Path> find(Path entry) throws IOException {
    try (DirectoryStream<Path> files = Files.newDirectoryStream(entry, thisJvm() + ".*" + SUFFIX)) {
      for (Path file : files) {
        if (nameFor(Fingerprint.crc32cOf(file)).equals(String.valueOf(file.getFileName()))) {
          return Optional.of(file);
        }
      }
    }
    return Optional.empty();
  }

  /** JVM options that use an archive, and are silent when it cannot be used. */
  static List<String> optionsToUse(Path archive) {
    String use = "-XX:SharedArchiveFile=" + archive;
    return isAot()
        ? List.of(use, "-Xlog:cds*=off", "-Xlog:aot*=off")
        : List.of(use, "-Xlog:cds*=off");
  }

  /** JVM options that make an archive at the end of the process, and are silent about it. */
  static List<String> optionsToMake(Path archive) {
    String make = "-XX:ArchiveClassesAtExit=" + archive;
    return isAot()
        ? List.of(make, "-Xlog:cds*=off", "-Xlog:aot*=off")
        : List.of(make, "-Xlog:cds*=off");
  }

  /** The name of an archive with a checksum. */
  static String nameFor(String crc32c) {
    return thisJvm() + "." + crc32c + SUFFIX;
  }

  /** Names this JVM: its version, and a hash of where it is. */
  static String thisJvm() {
    String version = System.getProperty("java.vm.version").replaceAll("[^A-Za-z0-9+._-]", "_");
    return version + "-" + Fingerprint.shortHash(System.getProperty("java.home"));
  }

  /** The log tag has been renamed with JEP 483. */
  private static boolean isAot() {
    return Runtime.version().feature() >= FIRST_WITH_AOT;
  }
}
