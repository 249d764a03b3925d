package dev.oxbow.it.process;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Network namespaces of one test: one with a web server at 198.51.100.9 and 2001:db8:9::9, port
 * 8000, and tenants that are to get a tun. All of them end with the test.
 */
final class Tenants {
  static final String SERVER_4 = "198.51.100.9";
  static final String SERVER_6 = "[2001:db8:9::9]";
  static final int PORT = 8000;

  /** What is sent there comes to nobody, until {@link #answer} is called. */
  static final String SILENT = "203.0.113.7";

  private static final String PREFIX = "oxbow-it-" + ProcessHandle.current().pid() + "-";

  private final List<String> names = new ArrayList<>();
  private final Process server;

  /**
   * @param files what the web server serves
   */
  Tenants(Path files, String... tenants) throws Exception {
    try {
      add("middle");
      for (String tenant : tenants) {
        add(tenant);
      }
      addMiddle("lo", SERVER_4 + "/32");
      addMiddle("lo", "2001:db8:9::9/128");
      // Nobody reads what it sends.
      ip("-n", name("middle"), "tuntap", "add", "silence", "mode", "tun");
      addMiddle("silence", "203.0.113.1/24");
      ip("-n", name("middle"), "link", "set", "silence", "up");
    } catch (Exception | AssertionError e) {
      remove();
      throw e;
    }
    List<String> command = new ArrayList<>(inside("middle"));
    command.addAll(List.of("python3", "-m", "http.server", PORT + "", "--bind", "::"));
    server =
        new ProcessBuilder(command)
            .directory(files.toFile())
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
  }

  private static void addMiddle(String device, String address) throws Exception {
    ip("-n", name("middle"), "address", "add", address, "dev", device);
  }

  private void add(String place) throws Exception {
    ip("netns", "add", name(place));
    names.add(name(place));
    ip("-n", name(place), "link", "set", "lo", "up");
  }

  private static String name(String place) {
    return PREFIX + place;
  }

  /** The file of a namespace. */
  static Path file(String place) {
    return Path.of("/run/netns", name(place));
  }

  /** The command that runs another one in a namespace. */
  static List<String> inside(String place) {
    return List.of("ip", "netns", "exec", name(place));
  }

  /** All ways lead into the tun. */
  void routeInto(String tenant, String tun) throws Exception {
    ip("-n", name(tenant), "route", "add", "default", "dev", tun);
    ip("-n", name(tenant), "-6", "route", "add", "default", "dev", tun);
  }

  /** The web server is at {@link #SILENT}, too, from here on. */
  void answer() throws Exception {
    addMiddle("lo", SILENT + "/32");
  }

  /** Starts a script of bash's in a tenant; its output is all that it says. */
  static Process script(String tenant, Path output, String script) throws IOException {
    List<String> command = new ArrayList<>(inside(tenant));
    command.addAll(List.of("bash", "-c", script));
    return new ProcessBuilder(command)
        .redirectErrorStream(true)
        .redirectOutput(output.toFile())
        .start();
  }

  /** Starts curl in a tenant. */
  static Process curl(String tenant, Path output, String... arguments) throws IOException {
    List<String> command = new ArrayList<>(inside(tenant));
    command.addAll(List.of("curl", "-sS", "--max-time", "30", "-o", output.toString()));
    command.addAll(List.of(arguments));
    return new ProcessBuilder(command).redirectErrorStream(true).start();
  }

  /** Runs a command in a tenant; its exit status. */
  static int run(String tenant, String... arguments) throws Exception {
    List<String> command = new ArrayList<>(inside(tenant));
    command.addAll(List.of(arguments));
    return new ProcessBuilder(command).inheritIO().start().waitFor();
  }

  private static void ip(String... arguments) throws Exception {
    List<String> command = new ArrayList<>(List.of("ip"));
    command.addAll(List.of(arguments));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (process.waitFor() != 0) {
      throw new AssertionError(command + ": " + said);
    }
  }

  /** Removes all of it. */
  void end() throws Exception {
    server.destroyForcibly().waitFor();
    remove();
  }

  private void remove() throws Exception {
    for (String name : names) {
      ip("netns", "del", name);
    }
  }
}
