package dev.oxbow.app.program;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.libc.LinuxException;
import dev.oxbow.fdpassing.libc.ProcessImage;
import dev.oxbow.fdpassing.libc.Syscalls;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/**
 * The copy that a long-lived process runs from.
 *
 * @param jar the copy
 * @param original the jar that was started, absolute; perhaps another version by now
 * @param lock says that the copy is in use as long as the process lives; owned by this object
 */
public record PrivateCopy(Path jar, Path original, Descriptor lock) {
  private static final Set<String> LONG_LIVED = Set.of("run", "forward", "gateway");
  private static final Set<String> HELP = Set.of("-h", "--help", "-V", "--version");
  private static final String LOCK = "oxbow.copy.lock";
  private static final int FIRST_DESCRIPTOR = 3;

  /**
   * Room for all classes: when the JVM's default, 21 MB, is passed it collects the whole heap,
   * which stops every flow, and happens in the middle of the first upgrade.
   */
  private static final String METASPACE = "-XX:MetaspaceSize=96m";

  /**
   * The new generation. The JVM's own choice grows with the machine's memory, and with it what one
   * collection has to copy while every flow waits; with 4,000 relays an upgrade's longest pause was
   * 57 ms so, 29 ms with 64 MiB, 11 ms with 32, and 17 with 16, where it is collected too often.
   */
  private static final List<String> NEW_GENERATION =
      List.of("-XX:NewSize=32m", "-XX:MaxNewSize=32m");

  /** Whoever sizes the heap has said how large its parts are, too. */
  private static final List<String> HEAP_OPTIONS =
      List.of("-Xmx", "-Xmn", "-XX:MaxHeapSize", "-XX:MaxRAM", "-XX:New", "-XX:MaxNewSize");

  /**
   * For commands that stay: makes the copy, or finds it, and goes on there, as the same process
   * (execve(2)) with the same environment, arguments, JVM options and inherited descriptors.
   * Returns for other commands, in a copy, without a jar; and with one line on standard error where
   * it cannot be done: then the jar must not be written over while the process lives.
   */
  public static void enter(String[] arguments) {
    String classPath = System.getProperty("java.class.path");
    if (arguments.length == 0
        || !LONG_LIVED.contains(arguments[0])
        || List.of(arguments).stream().anyMatch(HELP::contains)
        || System.getProperty(JavaCommand.ORIGINAL) != null
        || !classPath.endsWith(".jar")
        || !Files.isRegularFile(Path.of(classPath))) {
      return;
    }
    Path original = Path.of(classPath).toAbsolutePath().normalize();
    try {
      become(original);
    } catch (IOException | LinuxException | LinkageError e) {
      System.err.println(
          "oxbow: no private copy (" + why(e) + "); do not write over " + original + " meanwhile");
    }
  }

  /**
   * The copy that this process runs from, if it does. To be called once, by the command that stays.
   */
  public static Optional<PrivateCopy> current() {
    String original = System.getProperty(JavaCommand.ORIGINAL);
    Integer lock = Integer.getInteger(LOCK);
    if (original == null || lock == null) {
      return Optional.empty();
    }
    Descriptor held = Descriptor.adopt(lock);
    Syscalls.fcntl(held.fd(), Syscalls.F_SETFD, Syscalls.FD_CLOEXEC);
    Path jar = Path.of(System.getProperty("java.class.path"));
    return Optional.of(new PrivateCopy(jar, Path.of(original), held));
  }

  /** The entry of the cache that the copy is in. */
  Path directory() {
    return parent(jar);
  }

  /** The cache. */
  Path cache() {
    return parent(directory());
  }

  private static Path parent(Path path) {
    return Objects.requireNonNull(path.getParent(), "not in a cache");
  }

  private static void become(Path original) throws IOException {
    JavaCommand command = JavaCommand.ofThisProcess();
    Path java = Files.readSymbolicLink(Path.of("/proc/self/exe"));
    long uid = effectiveUid();
    Path place = ProgramCache.place(System.getenv(), uid, Path.of(System.getProperty("user.home")));
    ProgramCache.Entry entry = ProgramCache.open(place, uid).enter(original);
    try {
      List<String> options = new ArrayList<>();
      ClassDataArchive.find(entry.directory())
          .map(ClassDataArchive::optionsToUse)
          .ifPresent(options::addAll);
      options.add(METASPACE);
      if (!command.hasOption(HEAP_OPTIONS)) {
        options.addAll(NEW_GENERATION);
      }
      options.add("-D" + LOCK + "=" + entry.lock());
      endOwnDescriptors(original, entry.lock());
      ProcessImage.exec(java.toString(), command.inCopy(entry.jar(), original, options));
    } finally {
      ProcessImage.close(entry.lock());
    }
  }

  /**
   * What this JVM has opened itself is not to be inherited, but Java leaves it so: its modules, the
   * jar, sources of randomness, performance data, and sockets of debuggers and the like. All else
   * was given to the process: locks and pipes of a supervisor, and sockets of systemd.
   */
  private static void endOwnDescriptors(Path jar, int kept) throws IOException {
    Path home = Path.of(System.getProperty("java.home")).toRealPath();
    Path realJar = jar.toRealPath();
    int activated = FIRST_DESCRIPTOR + activated();
    try (DirectoryStream<Path> links = Files.newDirectoryStream(Path.of("/proc/self/fd"))) {
      for (Path link : links) {
        int fd = Integer.parseInt(String.valueOf(link.getFileName()));
        if (fd >= activated && fd != kept && isOwn(target(link), home, realJar)) {
          ProcessImage.closeOnExec(fd);
        }
      }
    }
  }

  private static boolean isOwn(String target, Path home, Path jar) {
    return target.startsWith(home + "/")
        || target.equals(jar.toString())
        || target.equals("/dev/random")
        || target.equals("/dev/urandom")
        || target.contains("/hsperfdata_")
        || target.startsWith("socket:")
        || target.startsWith("anon_inode:");
  }

  private static String target(Path link) throws IOException {
    try {
      return Files.readSymbolicLink(link).toString();
    } catch (NoSuchFileException e) {
      // The listing's own descriptor has gone.
      return "";
    }
  }

  /** Number of sockets that systemd has passed, sd_listen_fds(3). */
  private static int activated() {
    String pid = Long.toString(ProcessHandle.current().pid());
    String count = System.getenv().getOrDefault("LISTEN_FDS", "0");
    boolean ours = pid.equals(System.getenv("LISTEN_PID")) && count.matches("\\d{1,6}");
    return ours ? Integer.parseInt(count) : 0;
  }

  /** From /proc, because the C library would have to be loaded for it. */
  private static long effectiveUid() throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
      if (line.startsWith("Uid:")) {
        return Long.parseLong(line.split("\\s+", -1)[2]);
      }
    }
    throw new IOException("/proc/self/status names no uid");
  }

  private static String why(Throwable failure) {
    String message = failure.getMessage();
    return failure instanceof java.nio.file.FileSystemException || message == null
        ? failure.toString().replaceFirst("^java\\.nio\\.file\\.", "")
        // What jffi says has its stack trace in it.
        : message.lines().findFirst().orElse("").strip();
  }
}
