package dev.oxbow.fish.network;

import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.device.Namespace;
import dev.oxbow.fdpassing.libc.Syscalls;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;

/**
 * A program that is waited for, in the calling thread's network namespace.
 *
 * <p>For each program the JVM makes a thread that waits for its end, and then a minute for others.
 * Made in another namespace than the process's it would keep that for so long; so the program goes
 * there by itself, by nsenter(1).
 */
final class Command {
  private static final int TIMEOUT_SECONDS = 20;
  private static final Path OF_PROCESS = Path.of("/proc/self/ns/net");
  private static final Path OF_THREAD = Path.of("/proc/thread-self/ns/net");

  private Command() {}

  /**
   * Runs it to its end.
   *
   * @param input for its standard input
   * @return what it said
   * @throws NetworkException with what it said, when it fails or cannot be started
   */
  static String run(String input, String... command) {
    String name = command[0];
    try {
      Path said = Files.createTempFile("oxbow", ".out");
      try {
        boolean home = Files.readSymbolicLink(OF_THREAD).equals(Files.readSymbolicLink(OF_PROCESS));
        return home
            ? finished(start(List.of(command), said), name, input, said)
            : elsewhere(name, input, said, List.of(command));
      } finally {
        Files.delete(said);
      }
    } catch (IOException e) {
      throw new NetworkException(name + " cannot be run: " + e.getMessage(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new NetworkException(name + " was interrupted", e);
    }
  }

  private static String elsewhere(String name, String input, Path said, List<String> command)
      throws IOException, InterruptedException {
    int flags = Syscalls.O_RDONLY | Syscalls.O_CLOEXEC;
    try (Descriptor there = Namespace.ofThread();
        Descriptor home = Descriptor.adopt(Syscalls.open(OF_PROCESS.toString(), flags, 0))) {
      long pid = ProcessHandle.current().pid();
      List<String> words = new ArrayList<>();
      words.add("nsenter");
      words.add("--net=/proc/" + pid + "/fd/" + there.fd());
      words.addAll(command);
      // On a thread for it alone: one that could not come back would do the rest at home.
      FutureTask<Process> starting =
          new FutureTask<>(
              () -> {
                Syscalls.setns(home.fd(), Syscalls.CLONE_NEWNET);
                return start(words, said);
              });
      new Thread(starting, "start of " + name).start();
      return finished(started(starting), name, input, said);
    }
  }

  private static Process started(FutureTask<Process> starting)
      throws IOException, InterruptedException {
    try {
      return starting.get();
    } catch (ExecutionException e) {
      throw e.getCause() instanceof IOException io ? io : new IOException(e.getCause());
    }
  }

  /** Its output goes to a file: reading a pipe to its end would have no time limit. */
  private static Process start(List<String> words, Path said) throws IOException {
    return new ProcessBuilder(words)
        .redirectErrorStream(true)
        .redirectOutput(said.toFile())
        .start();
  }

  private static String finished(Process process, String name, String input, Path said)
      throws IOException, InterruptedException {
    try (OutputStream in = process.getOutputStream()) {
      in.write(input.getBytes(StandardCharsets.UTF_8));
    }
    if (!process.waitFor(TIMEOUT_SECONDS, TimeUnit.SECONDS)) {
      process.destroyForcibly();
      throw new NetworkException(name + " did not end within " + TIMEOUT_SECONDS + " s");
    }
    String text = Files.readString(said);
    if (process.exitValue() != 0) {
      throw new NetworkException(name + " failed: " + text.strip());
    }
    return text;
  }
}
