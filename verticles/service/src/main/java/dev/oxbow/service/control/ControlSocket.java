package dev.oxbow.service.control;

import dev.oxbow.config.ControlOptions;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.message.UnixSockets;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributeView;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The file of a control socket: its mode, its group, its end. Blocking calls. */
public final class ControlSocket {
  private static final Logger log = LoggerFactory.getLogger(ControlSocket.class);

  private ControlSocket() {}

  /**
   * Listens on a path in a directory that exists; mode and group are set before anybody can
   * connect.
   *
   * @throws IOException naming the path or the group, and what is wrong
   */
  public static Descriptor listen(Path path, ControlOptions options) throws IOException {
    try {
      return UnixSockets.listen(path, file -> prepare(file, options));
    } catch (IOException e) {
      throw new IOException(path + ": cannot listen: " + e.getMessage(), e);
    }
  }

  private static void prepare(Path file, ControlOptions options) throws IOException {
    Files.setAttribute(file, "unix:mode", options.getSocketMode());
    String group = options.getSocketGroup();
    if (group == null) {
      return;
    }
    if (group.chars().allMatch(Character::isDigit)) {
      Files.setAttribute(file, "unix:gid", Integer.parseUnsignedInt(group));
      return;
    }
    PosixFileAttributeView view =
        Files.getFileAttributeView(file, PosixFileAttributeView.class, LinkOption.NOFOLLOW_LINKS);
    view.setGroup(
        file.getFileSystem().getUserPrincipalLookupService().lookupPrincipalByGroupName(group));
  }

  /** Removes the file of a service that ends in order. */
  public static void remove(Path path) {
    try {
      Files.deleteIfExists(path);
    } catch (IOException e) {
      log.warn("{}: cannot be removed: {}", path, e.getMessage());
    }
  }
}
